import { describe, expect, test } from "vitest";
import { Signer } from "../../../../../workers/gateway/access/signing.ts";
import { MASTER_KEY, masterKeys, OTHER_MASTER_KEY } from "../../../../rigs/master-key.ts";

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

  test("tell nothing: neither their value, nor by their length how many digits it has, nor that two are the same", async () => {
    const token = await signer.sign("cursor", { before: "job_01h2xcejqtf2nbrexx3vqjhp41" });
    expect(Buffer.from(token, "base64url").toString("latin1")).not.toMatch(/before|job_|[{"]cursor/);
    const of = async (seq: number) => (await signer.sign("cursor", { seq })).length;
    expect(await of(1)).toBe(await of(1_800_000_000_000_000));
    expect(await signer.sign("cursor", 1)).not.toBe(await signer.sign("cursor", 1));
  });

  test("open under the key before as long as that is there", async () => {
    const token = await signer.sign("cursor", { a: 1 });
    expect(await new Signer(masterKeys(OTHER_MASTER_KEY, MASTER_KEY)).open("cursor", token)).toEqual({ a: 1 });
    expect(await new Signer(masterKeys(OTHER_MASTER_KEY)).open("cursor", token)).toBeNull();
  });

  test("of earlier versions, and in another spelling of the same bytes, do not open", async () => {
    expect(await signer.open("cursor", "eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAA")).toBeNull();
    const token = await signer.sign("cursor", "x".repeat(2));
    const last = token.at(-1) ?? "";
    // 60 bytes end with a whole group; what is added to it is more bytes or none.
    expect(await signer.open("cursor", `${token}=`)).toBeNull();
    expect(await signer.open("cursor", `${token}${last}`)).toBeNull();
  });

  test.each(["", ".", "abc", "abc.def", "!!!.???", "bnVsbA.", "a".repeat(5000)])("%j does not open", async (token) => {
    expect(await signer.open("cursor", token)).toBeNull();
  });
});
