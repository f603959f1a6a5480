import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase64Url, toBase64Url } from "../../../../workers/crypto/bytes.ts";

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
