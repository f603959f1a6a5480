import { describe, expect, test } from "vitest";
import { firstIdAt, isKeyId, makeKeyId, makeToken, TokenSeal } from "../../../../../workers/gateway/access/token.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => {
  crypto.getRandomValues(bytes);
};

const sealOf = (byte: number) => new TokenSeal(async () => new Uint8Array(32).fill(byte));
const seal = sealOf(1);

async function fresh(): Promise<{ id: string; token: string }> {
  const id = makeKeyId(Date.UTC(2026, 10, 22), random);
  return { id, token: await makeToken(id, random, seal) };
}

describe("API tokens", () => {
  test("a made token names its key, has 256 bits of secret, and its seal speaks for it", async () => {
    const { id, token } = await fresh();
    expect(token).toMatch(/^dure_[0-9a-z]{20}_[0-9A-Za-z]{43}-[0-9a-f]{24}$/);
    expect(await seal.read(token)).toEqual({ keyId: id, sealed: true });
  });

  test("no other character at any place has that seal", async () => {
    const { token } = await fresh();
    const nameAt = token.length - 24;
    for (let at = 0; at < token.length; at++) {
      if (at >= nameAt && at < nameAt + 8) continue;
      const other = token[at] === "0" ? "1" : "0";
      expect([at, await seal.read(token.slice(0, at) + other + token.slice(at + 1))]).toEqual([at, null]);
    }
  });

  test("a token sealed under another key counts as one without a seal, so that it goes on working", async () => {
    const { id, token } = await fresh();
    expect(await sealOf(2).read(token)).toEqual({ keyId: id, sealed: false });
  });

  test("a token of before the seal names its key, and nothing speaks for it", async () => {
    const { id, token } = await fresh();
    expect(await seal.read(token.slice(0, token.indexOf("-")))).toEqual({ keyId: id, sealed: false });
  });

  test("a later key has a higher id, and a time bounds the ids of keys that were made then", () => {
    expect(makeKeyId(2000, random) > makeKeyId(1000, random)).toBe(true);
    for (const time of [0, 31, 32, 1_795_000_000_000]) {
      expect(makeKeyId(time, random) > firstIdAt(time)).toBe(true);
      expect(makeKeyId(time, random) < firstIdAt(time + 1)).toBe(true);
    }
    expect(isKeyId(makeKeyId(1000, random))).toBe(true);
  });

  test.each([
    "",
    "dure_",
    "dure_a_short",
    `dure__${"a".repeat(43)}`,
    `dure_${"a".repeat(19)}_${"a".repeat(43)}`,
    `other_${"a".repeat(20)}_${"a".repeat(43)}`,
    `dure_${"A".repeat(20)}_${"a".repeat(43)}`,
    `dure_${"a".repeat(20)}_${"a".repeat(42)}`,
    `dure_${"a".repeat(20)}_${"a".repeat(43)}-`,
    `dure_${"a".repeat(20)}_${"a".repeat(43)}\n`,
  ])("%j is not one", async (token) => {
    expect(await seal.read(token)).toBeNull();
  });
});
