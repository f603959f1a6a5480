import { describe, expect, test } from "vitest";
import { Signer } from "../../../../../workers/gateway/access/signing.ts";
import { masterKeys, OTHER_MASTER_KEY } from "../../../../rigs/master-key.ts";

const signer = new Signer(masterKeys());

describe("signed tokens", () => {
  test("open to the value they were made of", async () => {
    const token = await signer.sign("cursor", { a: 1, b: ["두레"] });
    expect(await signer.open("cursor", token)).toEqual({ a: 1, b: ["두레"] });
  });

  test("do not open for another purpose or under another key", async () => {
    const token = await signer.sign("cursor", { a: 1 });
    expect(await signer.open("bookmark", token)).toBeNull();
    expect(await new Signer(masterKeys(OTHER_MASTER_KEY)).open("cursor", token)).toBeNull();
  });

  test("do not open with any one character changed", async () => {
    const token = await signer.sign("cursor", { a: 1 });
    for (let i = 0; i < token.length; i++) {
      const other = token[i] === "A" ? "B" : "A";
      expect(await signer.open("cursor", token.slice(0, i) + other + token.slice(i + 1))).toBeNull();
    }
  });

  test.each(["", ".", "abc", "abc.def", "!!!.???", "bnVsbA.", "a".repeat(5000)])("%j does not open", async (token) => {
    expect(await signer.open("cursor", token)).toBeNull();
  });
});
