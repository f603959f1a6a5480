import { expect, test } from "vitest";
import { instanceUrl, isServicePath, urlAt } from "../../../../domain/service/address.ts";

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
])("the path %j may follow it: %j", (path, may) => {
  expect(isServicePath(path)).toBe(may);
});

test("no path changes the host", () => {
  for (const path of ["//b.example/", "/@b.example", "/..//b.example", "/\\b.example", "/:80"]) {
    expect(new URL(urlAt("https://a.example", path)).host).toBe("a.example");
  }
});
