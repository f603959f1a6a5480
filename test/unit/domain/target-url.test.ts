import { describe, expect, test } from "vitest";
import { alsoRefusing, hostOf, hostPatterns, refusedTarget } from "../../../domain/target-url.ts";
import { ANY_TARGET, listedTargets, PUBLIC_TARGETS } from "../../rigs/target-rules.ts";

const allowed = [
  "https://example.com/hook",
  "http://example.com",
  "https://example.com:8443/a?b=c",
  "https://example.com.:443/",
  "https://sub.domain.example.co.uk/x",
  "https://8.8.8.8/",
  "https://1.1.1.1:8080/",
  "https://172.15.255.255/",
  "https://172.32.0.1/",
  "https://100.63.255.255/",
  "https://100.128.0.1/",
  "https://192.167.1.1/",
  "https://169.253.1.1/",
  "https://198.17.0.1/",
  "https://198.20.0.1/",
  "https://223.255.255.255/",
  "https://[2606:4700:4700::1111]/",
  "https://[2a00:1450:4001::1]/",
  "https://[2001:4860:4860::8888]/",
  "https://[2620:fe::fe]/",
  "https://notlocalhost.com/",
  "https://local.example.com/",
  "https://10.example.com/",
  "https://bücher.example/",
  "http://example.com:443/",
  "https://example.com:80/",
  "http://example.com:1024/",
  "http://example.com:65535/",
  "http://example.com:/",
];

const refused = [
  "",
  "not a url",
  "/relative",
  "ftp://example.com/",
  "file:///etc/passwd",
  "gopher://example.com/",
  "javascript:alert(1)",
  "data:text/plain,x",
  "https://user@example.com/",
  "https://user:pass@example.com/",
  "https://:pass@example.com/",
  "http://localhost/",
  "http://LOCALHOST:8080/",
  "http://localhost./",
  "http://localhost../",
  "http://a..example.com/",
  "http://app.localhost/",
  "http://printer.local/",
  "http://printer.local./",
  "http://metadata.google.internal/",
  "http://internal/",
  "http://router.home.arpa/",
  "http://nas.lan/",
  "http://intranet/",
  "http://redis:6379/",
  "http://127.0.0.1/",
  "http://127.0.0.1./",
  "http://127.255.255.254/",
  "http://127.1/",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0x7f.0.0.1/",
  "http://0177.0.0.1/",
  "http://017700000001/",
  "http://1２7.0.0.1/",
  "http://①②⑦.0.0.1/",
  "http://%31%32%37.0.0.1/",
  "http://0/",
  "http://0.0.0.0/",
  "http://0.1.2.3/",
  "http://10.0.0.1/",
  "http://10.255.255.255/",
  "http://100.64.0.1/",
  "http://100.127.255.255/",
  "http://169.254.169.254/latest/meta-data/",
  "http://172.16.0.1/",
  "http://172.31.255.255/",
  "http://192.0.0.1/",
  "http://192.0.2.1/",
  "http://192.88.99.1/",
  "http://192.168.0.1/",
  "http://198.18.0.1/",
  "http://198.19.255.255/",
  "http://198.51.100.7/",
  "http://203.0.113.7/",
  "http://224.0.0.1/",
  "http://239.255.255.255/",
  "http://240.0.0.1/",
  "http://255.255.255.255/",
  "http://256.256.256.256/",
  "http://[::]/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[::ffff:8.8.8.8]/",
  "http://[::127.0.0.1]/",
  "http://[::8.8.8.8]/",
  "http://[64:ff9b::7f00:1]/",
  "http://[64:ff9b:1::1]/",
  "http://[100::1]/",
  "http://[2001::1]/",
  "http://[2001:0:53aa:64c::1]/",
  "http://[2001:10::1]/",
  "http://[2001:db8::1]/",
  "http://[2002:7f00:1::]/",
  "http://[2002:808:808::]/",
  "http://[3fff::1]/",
  "http://[5f00::1]/",
  "http://[fc00::1]/",
  "http://[fd12:3456::1]/",
  "http://[fe80::1]/",
  "http://[febf::1]/",
  "http://[fec0::1]/",
  "http://[ff02::1]/",
  "http://[fe80::1%25eth0]/",
  "http://example.com:22/",
  "http://example.com:25/",
  "https://example.com:53/",
  "http://example.com:0/",
  "http://example.com:79/",
  "http://example.com:81/",
  "http://example.com:442/",
  "http://example.com:444/",
  "http://example.com:1023/",
  "http://8.8.8.8:53/",
  "http://[2606:4700:4700::1111]:53/",
];

describe("a public URL may be a target", () => {
  test.each(allowed)("%s", (url) => {
    expect(refusedTarget(url, PUBLIC_TARGETS)).toBeNull();
  });
});

describe("a URL that is not public is refused with a reason", () => {
  test.each(refused)("%s", (url) => {
    expect(refusedTarget(url, PUBLIC_TARGETS)).toEqual(expect.any(String));
  });
});

test.each(["http://127.0.0.1:0/", "https://example.com:0", "http://example.com:00000/x"])(
  "%s cannot be called, wherever targets may be",
  (url) => {
    expect(refusedTarget(url, ANY_TARGET)).toBe("its port is 0, on which nothing can be called");
  },
);

describe("a list of the hosts that may be called", () => {
  const rules = listedTargets("hooks.example.com, *.example.org,bücher.example");

  test.each([
    "https://hooks.example.com/x",
    "https://HOOKS.example.com./x",
    "http://hooks.example.com:8080/",
    "https://a.example.org/",
    "https://a.b.example.org/",
    "https://b%C3%BCcher.example/",
  ])("lets %s through", (url) => {
    expect(refusedTarget(url, rules)).toBeNull();
  });

  test.each([
    "https://example.com/",
    "https://a.hooks.example.com/",
    "https://hooks.example.com.evil.example/",
    "https://example.org/",
    "https://badexample.org/",
    "https://example.org.evil.example/",
    "https://8.8.8.8/",
  ])("refuses %s", (url) => {
    expect(refusedTarget(url, rules)).toBe("its host is not one that the deployment lets be called");
  });

  test("lets nothing through that is not public", () => {
    expect(refusedTarget("http://127.0.0.1/", listedTargets("127.0.0.1"))).toBe("it names a loopback address");
    expect(refusedTarget("http://app.internal/", listedTargets("*.internal"))).toMatch(/local network/);
    expect(refusedTarget("http://a.example:22/", listedTargets("a.example"))).toMatch(/port is 22/);
  });

  test("holds where private targets are allowed too", () => {
    const local = { ...listedTargets("127.0.0.1"), allowPrivate: true };
    expect(refusedTarget("http://127.0.0.1:22/", local)).toBeNull();
    expect(refusedTarget("http://127.0.0.2:22/", local)).toMatch(/lets be called/);
  });

  test("may have addresses", () => {
    const addresses = listedTargets("8.8.8.8, [2606:4700:4700::1111]");
    expect(refusedTarget("http://0x8.8.8.8/", addresses)).toBeNull();
    expect(refusedTarget("http://[2606:4700:4700:0::1111]/", addresses)).toBeNull();
  });
});

describe("the platform's own hosts", () => {
  const rules = listedTargets("", "dure.example, *.workers.dev");
  const itself = "it names a host of the platform itself";

  test.each([
    "https://dure.example/v1/jobs",
    "https://DURE.example./",
    "https://dure.example:8443/",
    "https://a.b.workers.dev/",
  ])("%s is refused", (url) => {
    expect(refusedTarget(url, rules)).toBe(itself);
  });

  test("do not stand for their neighbours", () => {
    expect(refusedTarget("https://hooks.dure.example/", rules)).toBeNull();
    expect(refusedTarget("https://notdure.example/", rules)).toBeNull();
  });

  test("are refused also where they are on the list of those that may be called", () => {
    expect(refusedTarget("https://a.example/", listedTargets("*.example,a.example", "a.example"))).toBe(itself);
  });

  test("have with them the one to which the request came", () => {
    const came = alsoRefusing(PUBLIC_TARGETS, "dure.example");
    expect(refusedTarget("https://dure.example.:8443/", came)).toBe(itself);
    expect(refusedTarget("https://other.example/", came)).toBeNull();
    expect(refusedTarget("https://dure.example/", alsoRefusing(PUBLIC_TARGETS, null))).toBeNull();
    expect(refusedTarget("https://dure.example/", alsoRefusing(rules, "other.example"))).toBe(itself);
  });

  test("are no other program of a machine on which private targets are allowed", () => {
    expect(refusedTarget("http://127.0.0.1:9000/", alsoRefusing(ANY_TARGET, "127.0.0.1"))).toBeNull();
  });
});

describe("a list of hosts", () => {
  test("is split at commas, and may be empty", () => {
    expect(hostPatterns("TARGET_HOSTS", "")).toEqual([]);
    expect(hostPatterns("TARGET_HOSTS", " , ")).toEqual([]);
    expect(hostPatterns("TARGET_HOSTS", " A.example. ,*.B.example,")).toEqual([
      { host: "a.example", below: false },
      { host: "b.example", below: true },
    ]);
  });

  test.each([
    "https://a.example",
    "a.example/x",
    "a.example:443",
    "a.example:",
    "u@a.example",
    "*",
    "*.",
    "a.*.example",
    "a b",
    "2606::1",
    "%",
    "a.example?x",
    "a.example#x",
  ])("that has %s is refused whole, by the variable's name", (entry) => {
    expect(() => hostPatterns("TARGET_HOSTS", `b.example, ${entry}`)).toThrow(
      `TARGET_HOSTS is a list of hosts separated by commas, such as "example.com, *.example.org", not "${entry}".`,
    );
  });
});

describe("the host of a URL", () => {
  test.each([
    ["https://api.test/hook", "api.test:443"],
    ["https://API.test:443/other?x", "api.test:443"],
    ["https://user:secret@api.test./", "api.test:443"],
    ["http://api.test/", "api.test:80"],
    ["https://api.test:8443/", "api.test:8443"],
    ["http://[::1]:3000/", "[::1]:3000"],
    ["not a url", "not a url"],
  ])("%s is %s", (url, expected) => expect(hostOf(url)).toBe(expected));
});
