import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../../contract/canonical-json.ts";
import { deeperThan, longerThan } from "../../../../contract/json-text.ts";
import { keyIdOf, makeKeyId, makeToken } from "../../../../workers/gateway/access/token.ts";
import { fromBase64Url, toBase64Url } from "../../../../workers/gateway/bytes.ts";
import { preferredWait } from "../../../../workers/gateway/doors/http/prefer.ts";
import { continuedTrace } from "../../../../workers/gateway/doors/http/trace.ts";

describe("canonical JSON", () => {
  test.each<[string, unknown, string]>([
    [
      "sorts members at every depth",
      { b: 1, a: { d: [{ z: 1, y: 2 }], c: null } },
      '{"a":{"c":null,"d":[{"y":2,"z":1}]},"b":1}',
    ],
    ["keeps the order of arrays", [3, 1, 2], "[3,1,2]"],
    ["leaves out what is undefined", { a: undefined, b: 1 }, '{"b":1}'],
    ["sorts by code unit, not by locale", { é: 1, z: 2, Z: 3 }, '{"Z":3,"z":2,"é":1}'],
    ["keeps a member named __proto__", JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])("%s", (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("means the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("Prefer: wait (RFC 7240)", () => {
  test.each<[string, number | null]>([
    ["", null],
    ["wait=20", 20],
    ["WAIT = 20", 20],
    ['wait="20"', 20],
    ["wait=0", 0],
    ["wait=61", 60],
    ["wait=999999999", 60],
    ["respond-async, wait=5", 5],
    ["wait=5; foo=bar", 5],
    ["wait=5, wait=7", 5],
    ["wait", null],
    ["wait=", null],
    ["wait=-1", null],
    ["wait=1.5", null],
    ["wait=abc", null],
    ["waiting=5", null],
  ])("%j is %j seconds", (header, seconds) => {
    expect(preferredWait(header)).toBe(seconds);
  });
});

describe("traceparent", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = () => "00000000000000aa";

  test("a valid one is continued with a new span and the same flags", () => {
    expect(continuedTrace(`00-${trace}-00f067aa0ba902b7-01`, span)).toBe(`00-${trace}-00000000000000aa-01`);
  });

  test.each<[string]>([
    [""],
    ["garbage"],
    [`00-${trace}-00f067aa0ba902b7`],
    [`ff-${trace}-00f067aa0ba902b7-01`],
    [`00-${trace.toUpperCase()}-00f067aa0ba902b7-01`],
    [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    [`00-${trace}-0000000000000000-01`],
    [`00-${trace}-00f067aa0ba902b7-01-more`],
  ])("%j is ignored", (header) => {
    expect(continuedTrace(header, span)).toBeNull();
  });
});

describe("nesting", () => {
  test.each<[string, string, boolean]>([
    ["at the limit", "[".repeat(5) + "]".repeat(5), false],
    ["above it", "[".repeat(6) + "]".repeat(6), true],
    ["objects count too", '{"a":{"a":{"a":{"a":{"a":{}}}}}}', true],
    ["brackets side by side do not add up", "[[],[],[],[],[],[],[]]", false],
    ["brackets in strings are text", `"${"[".repeat(50)}"`, false],
    ["an escaped quote does not end a string", `"\\"${"[".repeat(50)}"`, false],
    ["an escaped backslash does not escape the quote", `["\\\\",${"[".repeat(6)}`, true],
  ])("%s", (_, text, deeper) => {
    expect(deeperThan(text, 5)).toBe(deeper);
  });
});

describe("sizes are bytes of UTF-8", () => {
  test.each<[string, number, boolean]>([
    ["abc", 3, false],
    ["abcd", 3, true],
    ["é", 1, true],
    ["é", 2, false],
    ["두레", 6, false],
    ["두레", 5, true],
    ["😀", 4, false],
    ["😀", 3, true],
  ])("%j against %i", (text, max, longer) => {
    expect(longerThan(text, max)).toBe(longer);
  });
});

test("base64url comes back as it went", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
    }),
  );
});

test.each(["a", "a+b=", "ä", "abc="])("%j is not base64url", (text) => {
  expect(fromBase64Url(text)).toBeNull();
});

describe("API tokens", () => {
  const random = (bytes: Uint8Array<ArrayBuffer>) => {
    crypto.getRandomValues(bytes);
  };

  test("a made token names its key and has 256 bits of secret", () => {
    const id = makeKeyId(Date.UTC(2026, 10, 22), random);
    const token = makeToken(id, random);
    expect(token).toMatch(/^dure_[0-9a-z]{20}_[0-9A-Za-z]{43}$/);
    expect(keyIdOf(token)).toBe(id);
  });

  test("a later key has a higher id", () => {
    expect(makeKeyId(2000, random) > makeKeyId(1000, random)).toBe(true);
  });

  test.each([
    "",
    "dure_",
    "dure_a_short",
    "dure__aaaaaaaaaaaaaaaaaaaaaaaa",
    "other_a_aaaaaaaaaaaaaaaaaaaaaaaa",
    "dure_A_aaaaaaaaaaaaaaaaaaaaaaaa",
  ])("%j is not one", (token) => {
    expect(keyIdOf(token)).toBeNull();
  });
});
