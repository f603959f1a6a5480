/**
 * Which URLs an HTTP target may have. The rule is by the URL's own text: it stops literal private addresses in
 * every notation (the WHATWG parser has already brought those to one form) and names that mean the local network.
 * What a public name resolves to is checked by whoever sends.
 */

/** Names that only ever resolve inside a machine or a private network (RFC 6761, 6762, 8375, ICANN's `.internal`). */
const LOCAL_SUFFIXES = ["localhost", "local", "internal", "home.arpa", "lan", "intranet", "corp", "home", "private"];

/** IPv4 blocks that are not the public internet (IANA special-purpose registry): base, prefix length, what it is. */
const REFUSED_IPV4: [base: [number, number, number, number], bits: number, name: string][] = [
  [[0, 0, 0, 0], 8, "an unspecified address"],
  [[10, 0, 0, 0], 8, "a private address"],
  [[100, 64, 0, 0], 10, "a carrier-grade NAT address"],
  [[127, 0, 0, 0], 8, "a loopback address"],
  [[169, 254, 0, 0], 16, "a link-local address"],
  [[172, 16, 0, 0], 12, "a private address"],
  [[192, 0, 0, 0], 24, "a reserved address"],
  [[192, 0, 2, 0], 24, "a documentation address"],
  [[192, 88, 99, 0], 24, "a 6to4 relay address"],
  [[192, 168, 0, 0], 16, "a private address"],
  [[198, 18, 0, 0], 15, "a benchmarking address"],
  [[198, 51, 100, 0], 24, "a documentation address"],
  [[203, 0, 113, 0], 24, "a documentation address"],
  [[224, 0, 0, 0], 4, "a multicast address"],
  [[240, 0, 0, 0], 4, "a reserved address"],
];

/** IPv6 blocks inside 2000::/3 that are not the public internet, or that carry an IPv4 address within. */
const REFUSED_IPV6: [groups: [number, number], bits: number, name: string][] = [
  [[0x2001, 0x0000], 32, "a Teredo address"],
  [[0x2001, 0x0db8], 32, "a documentation address"],
  [[0x2001, 0x0000], 23, "a reserved address"],
  [[0x2002, 0x0000], 16, "a 6to4 address"],
  [[0x3fff, 0x0000], 20, "a documentation address"],
];

/** Null when `url` may be a target, else why not, as a clause for people ("it names a loopback address"). */
export function refusedTarget(url: string): string | null {
  const parsed = parse(url);
  if (parsed === null) return "it is not a URL";
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") return "only http and https can be called";
  if (parsed.username !== "" || parsed.password !== "") return "it carries a user name or password";
  const host = parsed.hostname;
  if (host.startsWith("[")) return refusedIpv6(host.slice(1, -1));
  const octets = parseIpv4(host);
  return octets === null ? refusedName(host) : refusedIpv4(octets);
}

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

function refusedName(host: string): string | null {
  const name = (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
  const labels = name.split(".");
  if (labels.includes("")) return "its host name has an empty label";
  for (const suffix of LOCAL_SUFFIXES) {
    if (name === suffix || name.endsWith(`.${suffix}`)) return "it names a host of a local network";
  }
  return labels.length < 2 ? "its host is a single name, not a public one" : null;
}

/** The WHATWG parser has turned every notation (hex, octal, one number, fewer dots) into four decimals. */
function parseIpv4(host: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return null;
  return host.split(".").map(Number);
}

function refusedIpv4(octets: number[]): string | null {
  const address = toNumber(octets, 256);
  for (const [base, bits, name] of REFUSED_IPV4) {
    if (sharesPrefix(address, toNumber(base, 256), bits)) return `it names ${name}`;
  }
  return null;
}

function refusedIpv6(text: string): string | null {
  const groups = parseIpv6(text);
  if (groups === null) return "its address cannot be read";
  const first = groups[0] ?? 0;
  if (groups.slice(0, 7).every((group) => group === 0)) return "it names a loopback or unspecified address";
  if (first >= 0xfe80 && first <= 0xfebf) return "it names a link-local address";
  if (first >= 0xfc00 && first <= 0xfdff) return "it names a private address";
  if (first >= 0xff00) return "it names a multicast address";
  // Only 2000::/3 is handed out for the public internet: this leaves out IPv4-mapped, IPv4-compatible, NAT64 and the rest.
  if (first < 0x2000 || first > 0x3fff) return "it names an address outside the public internet";
  const head = toNumber(groups.slice(0, 2), 65_536);
  for (const [base, bits, name] of REFUSED_IPV6) {
    if (sharesPrefix(head, toNumber(base, 65_536), bits)) return `it names ${name}`;
  }
  return null;
}

/** Eight groups, or null. The parser has already normalised: hex groups, at most one `::`, no dotted tail. */
function parseIpv6(text: string): number[] | null {
  const [left = "", right] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const gap = 8 - head.length - tail.length;
  if (right === undefined ? gap !== 0 : gap < 1) return null;
  const all = [...head, ...new Array<number>(gap).fill(0), ...tail];
  return all.every((group) => group >= 0 && group <= 0xffff) ? all : null;
}

function toNumber(parts: readonly number[], base: number): number {
  return parts.reduce((sum, part) => sum * base + part, 0);
}

/** Whether two 32-bit numbers agree in their first `bits` bits. */
function sharesPrefix(a: number, b: number, bits: number): boolean {
  const size = 2 ** (32 - bits);
  return Math.floor(a / size) === Math.floor(b / size);
}
