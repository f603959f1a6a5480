import { BlockList } from "node:net";
import { describe, expect, test } from "vitest";
import { isAddress, SPECIAL_NETWORKS, specialAddress } from "../../../domain/special-address.ts";

/** Of each block its first and last address, and the addresses just outside: "-" where those lie in another block. */
const IPV4: [block: string, first: string, last: string, before: string, after: string][] = [
  ["this network", "0.0.0.0", "0.255.255.255", "-", "1.0.0.0"],
  ["private 10", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
  ["shared address space", "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
  ["loopback", "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
  ["link-local", "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"],
  ["private 172.16", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
  ["protocol assignments", "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"],
  ["documentation 1", "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
  ["AS112", "192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"],
  ["AMT", "192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"],
  ["6to4 relays", "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"],
  ["private 192.168", "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"],
  ["AS112 direct", "192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"],
  ["benchmarking", "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
  ["documentation 2", "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
  ["documentation 3", "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"],
  ["multicast", "224.0.0.0", "239.255.255.255", "223.255.255.255", "-"],
  ["reserved", "240.0.0.0", "255.255.255.254", "-", "-"],
  ["broadcast", "255.255.255.255", "255.255.255.255", "-", "-"],
];

const IPV6: typeof IPV4 = [
  ["unspecified", "::", "::", "-", "-"],
  ["loopback", "::1", "::1", "-", "-"],
  ["IPv4-compatible", "::2", "::ffff:ffff", "-", "-"],
  ["IPv4-mapped", "::ffff:0:0", "::ffff:ffff:ffff", "-", "-"],
  ["NAT64", "64:ff9b::", "64:ff9b::ffff:ffff", "-", "-"],
  ["local NAT64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["discard-only", "100::", "100::ffff:ffff:ffff:ffff", "-", "-"],
  ["dummy", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "-", "-"],
  [
    "protocol assignments",
    "2001::",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:200::",
  ],
  ["Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["port control anycast", "2001:1::1", "2001:1::1", "-", "-"],
  ["TURN anycast", "2001:1::2", "2001:1::2", "-", "-"],
  ["service registration anycast", "2001:1::3", "2001:1::3", "-", "-"],
  ["benchmarking", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["AMT", "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["AS112", "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["ORCHID", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["ORCHIDv2", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["drone ids", "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  [
    "documentation",
    "2001:db8::",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::",
  ],
  ["6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"],
  [
    "AS112 direct",
    "2620:4f:8000::",
    "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
    "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
    "2620:4f:8001::",
  ],
  [
    "documentation 2",
    "3fff::",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff:1000::",
  ],
  ["segment routing", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["unique local", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["link-local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["site-local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["not handed out, below", "200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "2000::"],
  [
    "not handed out, above",
    "4000::",
    "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "-",
  ],
];

/** As a parsed URL has it. */
function hostOf(address: string): string {
  return new URL(`http://${address.includes(":") ? `[${address}]` : address}/`).hostname;
}

/** Only those of the family: Node takes `::ffff:0:0/96` for all of IPv4 as well, workerd does not (`e2e/way-out.test.ts`). */
function networks(family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const block of SPECIAL_NETWORKS.filter((text) => text.includes(":") === (family === "ipv6"))) {
    const [base = "", length] = block.split("/");
    list.addSubnet(base, Number(length), family);
  }
  return list;
}

describe.each([
  ["ipv4" as const, IPV4],
  ["ipv6" as const, IPV6],
])("%s", (family, table) => {
  test.each(table)("%s: %s to %s is not public, and what lies next to it is", (_, first, last, ...neighbours) => {
    const outside = neighbours.filter((address) => address !== "-");
    expect([first, last].map((address) => specialAddress(hostOf(address)))).not.toContain(null);
    expect(outside.map((address) => specialAddress(hostOf(address)))).toEqual(outside.map(() => null));
    // What is handed to a network by CIDR says the same.
    const list = networks(family);
    expect([first, last].map((address) => list.check(address, family))).toEqual([true, true]);
    expect(outside.map((address) => list.check(address, family))).toEqual(outside.map(() => false));
  });
});

test("an address is told from a name", () => {
  expect(["8.8.8.8", "[2606:4700::1]"].map(isAddress)).toEqual([true, true]);
  expect(["example.com", "1.2.3.example", "localhost"].map(isAddress)).toEqual([false, false, false]);
  expect(["example.com", "localhost"].map(specialAddress)).toEqual([null, null]);
});

test.each(["[]", "[1]", "[::1::]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[zz::]"])(
  "%s cannot be read, and is not public",
  (host) => {
    expect(specialAddress(host)).toBe("an address that cannot be read");
  },
);
