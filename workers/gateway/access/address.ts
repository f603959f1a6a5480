/** What is counted of an address that is none. */
const MAX_TEXT = 64;

/**
 * The part of an address that requests are counted by: an IPv4 address whole, of an IPv6 address the first 64 bits, because
 * whoever has one has all of that network. IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address.
 */
export function countedAddress(address: string): string {
  const text = address.trim().toLowerCase().split("%")[0] ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  const groups = text.includes(":") ? ipv6Groups(text) : null;
  return groups === null ? text.slice(0, MAX_TEXT) : `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups of an IPv6 address without leading zeros, or null when it is none. */
function ipv6Groups(text: string): string[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  // An IPv4 address at the end stands for two groups; which ones does not matter for the first four.
  const spelled = [...head, ...tail].flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
  const missing = 8 - spelled.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  if (!spelled.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  const all = [...head, ...Array.from({ length: missing }, () => "0"), ...tail];
  return all.map((group) => group.replace(/^0+(?=.)/, ""));
}
