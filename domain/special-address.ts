/**
 * Addresses that are not hosts of the public internet: every block of IANA's special-purpose registries for IPv4 and IPv6
 * (RFC 6890 and what came after it), multicast, and all of IPv6 that is not handed out. Blocks that the registries call
 * globally reachable (AS112, AMT, anycast of protocols) are in it too: no HTTP server that is meant to be called is there.
 */

/** CIDR blocks and what an address in them is. The first one that fits names it. */
const IPV4: readonly [block: string, what: string][] = [
  ["0.0.0.0/8", "an unspecified address"],
  ["10.0.0.0/8", "a private address"],
  ["100.64.0.0/10", "a carrier-grade NAT address"],
  ["127.0.0.0/8", "a loopback address"],
  ["169.254.0.0/16", "a link-local address"],
  ["172.16.0.0/12", "a private address"],
  ["192.0.0.0/24", "a reserved address"],
  ["192.0.2.0/24", "a documentation address"],
  ["192.31.196.0/24", "an AS112 address"],
  ["192.52.193.0/24", "an AMT address"],
  ["192.88.99.0/24", "a 6to4 relay address"],
  ["192.168.0.0/16", "a private address"],
  ["192.175.48.0/24", "an AS112 address"],
  ["198.18.0.0/15", "a benchmarking address"],
  ["198.51.100.0/24", "a documentation address"],
  ["203.0.113.0/24", "a documentation address"],
  ["224.0.0.0/4", "a multicast address"],
  ["255.255.255.255/32", "the broadcast address"],
  ["240.0.0.0/4", "a reserved address"],
];

const IPV6: readonly [block: string, what: string][] = [
  ["::/128", "an unspecified address"],
  ["::1/128", "a loopback address"],
  ["::ffff:0:0/96", "an IPv4-mapped address"],
  ["::/96", "an IPv4-compatible address"],
  ["64:ff9b::/96", "a NAT64 address"],
  ["64:ff9b:1::/48", "a local NAT64 address"],
  ["100::/64", "a discard-only address"],
  ["100:0:0:1::/64", "a dummy address"],
  ["2001::/32", "a Teredo address"],
  ["2001:2::/48", "a benchmarking address"],
  ["2001::/23", "a reserved address"],
  ["2001:db8::/32", "a documentation address"],
  ["2002::/16", "a 6to4 address"],
  ["2620:4f:8000::/48", "an AS112 address"],
  ["3fff::/20", "a documentation address"],
  ["5f00::/16", "a segment routing address"],
  ["fc00::/7", "a private address"],
  ["fe80::/10", "a link-local address"],
  ["fec0::/10", "a site-local address"],
  ["ff00::/8", "a multicast address"],
  // Only 2000::/3 is handed out for the public internet.
  ["::/3", "an address outside the public internet"],
  ["4000::/2", "an address outside the public internet"],
  ["8000::/1", "an address outside the public internet"],
];

/** All of these blocks in CIDR notation, for networks that refuse by the address to which a name has resolved. */
export const SPECIAL_NETWORKS: readonly string[] = [...IPV4, ...IPV6].map(([block]) => block);

/**
 * What the address is if it is not one of the public internet, else null. `host` is as in a URL that was parsed: four decimals,
 * or IPv6 in brackets. For a name it is null as well; for brackets that hold no IPv6 address, a reason.
 */
export function specialAddress(host: string): string | null {
  if (host.startsWith("[")) {
    const address = parseIpv6(host.slice(1, -1));
    return address === null ? "an address that cannot be read" : blockOf(V6_BLOCKS, address);
  }
  const address = parseIpv4(host);
  return address === null ? null : blockOf(V4_BLOCKS, address);
}

/** Whether a URL's host is an address and no name. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || parseIpv4(host) !== null;
}

interface Block {
  /** The bits that all addresses of the block share. */
  prefix: bigint;
  /** How many bits come after them. */
  rest: bigint;
  what: string;
}

const V4_BLOCKS = IPV4.map((entry) => blockFrom(entry, parseIpv4, 32));
const V6_BLOCKS = IPV6.map((entry) => blockFrom(entry, parseIpv6, 128));

function blockFrom(
  [block, what]: readonly [string, string],
  parse: (text: string) => bigint | null,
  width: number,
): Block {
  const [base = "", length = ""] = block.split("/");
  const address = parse(base);
  if (address === null) throw new Error(`${block} is no CIDR block`);
  const rest = BigInt(width - Number(length));
  return { prefix: address >> rest, rest, what };
}

function blockOf(blocks: readonly Block[], address: bigint): string | null {
  return blocks.find(({ prefix, rest }) => address >> rest === prefix)?.what ?? null;
}

/** The WHATWG parser has turned every notation (hex, octal, one number, fewer dots) into four decimals. */
function parseIpv4(host: string): bigint | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return null;
  return join(host.split(".").map(Number), 8n);
}

/** The parser has normalised it: hex groups, at most one `::`, no dotted tail, no zone. */
function parseIpv6(text: string): bigint | null {
  const [left = "", right, ...more] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const gap = 8 - head.length - tail.length;
  if (more.length > 0 || (right === undefined ? gap !== 0 : gap < 1)) return null;
  const all = [...head, ...new Array<number>(gap).fill(0), ...tail];
  return all.every((group) => group >= 0 && group <= 0xffff) ? join(all, 16n) : null;
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
}
