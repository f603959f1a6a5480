import { describe, expect, test } from "vitest";
import { keyIdOf, makeKeyId, makeToken } from "../../../../../workers/gateway/access/token.ts";

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
