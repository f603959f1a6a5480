import { expect, test } from "vitest";
import { instanceUrl, isServicePath, leadsUpwards, urlAt } from "../../../../domain/service/address.ts";

test.each([
  ["https://a.example", "https://a.example"],
  ["https://a.example/", "https://a.example"],
  ["HTTPS://A.example:443//", "https://a.example"],
  ["http://a.example:8080/base/", "http://a.example:8080/base"],
  ["http://[::1]:8080", "http://[::1]:8080"],
  ["https://user@a.example", null],
  ["https://:secret@a.example", null],
  ["https://a.example?", null],
  ["https://a.example/?key=1", null],
  ["https://a.example/#", null],
  ["ftp://a.example", null],
  ["a.example", null],
  ["https://b\u00fccher.example/\u00e4", "https://xn--bcher-kva.example/%C3%A4"],
  ["https://a.example/x/../y", "https://a.example/y"],
  [" https://a.example", null],
  ["https://a.example/a b", null],
  ["https://a.exam\tple", null],
  ["https://a.example/\n", null],
  ["https://a.example/\u0000", null],
  ["https://a.example/\u0085", null],
  ["https://a.example/\ud800", null],
  ["https://a\udc00.example", null],
  ["", null],
])("the URL %j is kept as %j", (text, kept) => {
  expect(instanceUrl(text)).toBe(kept);
});

test.each([
  ["/", true],
  ["/healthz?deep=1", true],
  ["//b.example/", true],
  ["/a%20b", true],
  ["", false],
  ["healthz", false],
  [".evil.example/", false],
  ["/a b", false],
  ["/a#b", false],
  ["/a\nb", false],
  ["/ä", false],
  ["/a\u0000b", false],
  ["/a\ud800", false],
  ["/..", false],
  ["/../../x", false],
  ["/a/%2E%2e/x?y", false],
  ["/a?y=/../x", true],
])("the path %j may follow it: %j", (path, may) => {
  expect(isServicePath(path)).toBe(may);
});

test.each([
  "/..",
  "/../x",
  "/a/../b",
  "/a/..",
  "/..?x",
  "/..#x",
  "../x",
  "/%2e%2e/x",
  "/%2E./x",
  "/.%2e/x",
  "/%252e%252E/x",
  "/%25252e./x",
  "/..%2fx",
  "/..%2Fx",
  "/a%2f..%2fb",
  "/..%5cx",
  "/..%255cx",
  "/..%252fx",
  "/..\\x",
  "/a\\..\\b",
  "\\..\\x",
  "/..;/x",
  "/..;a=b/x",
  "/..%3b/x",
  "/..%00/x",
  "/..%20/x",
  "/..%2509/x",
  "/.%09./x",
  "/.\t./x",
  "/.\n./x",
  "/..\r/x",
])("the path %j leads upwards", (path) => {
  expect(leadsUpwards(path)).toBe(true);
});

test.each([
  "",
  "/",
  "/.",
  "/./x",
  "/...",
  "/.../x",
  "/a..",
  "/..a/x",
  "/a..b",
  "/a;../b",
  "/%2e/x",
  "/%2e%2e%2e/x",
  "/x?../y",
  "/x?y=/../z",
  "/x#/../y",
  "/%2",
  "/%zz/%",
])("the path %j does not", (path) => {
  expect(leadsUpwards(path)).toBe(false);
});

test("no path changes the host", () => {
  for (const path of ["//b.example/", "/@b.example", "/..//b.example", "/\\b.example", "/:80"]) {
    expect(new URL(urlAt("https://a.example", path)).host).toBe("a.example");
  }
});
