import { describe, expect, test } from "vitest";
import { MasterKeys } from "../../../../workers/crypto/master-key.ts";
import { headerPlace, type TargetOwner, urlPlace, webhookPlace } from "../../../../workers/crypto/places.ts";
import { isSealed, keyIdOf, type Place } from "../../../../workers/crypto/vault.ts";
import { MASTER_KEY, masterKeys, OTHER_MASTER_KEY, testVault } from "../../../rigs/master-key.ts";

const OWNER: TargetOwner = { kind: "queue", namespace: "acme", name: "mails" };
const PLACE = headerPlace(OWNER, "https://a.example/hook", "X-Token");

describe("a sealed value", () => {
  test("opens at its place, and shows neither text nor the same form twice", async () => {
    const vault = testVault();
    for (const text of ["", "s3cret", "ü\t두레", "sealed.v1.00000000.AAAA", "x".repeat(4096)]) {
      const sealed = await vault.seal(PLACE, text);
      expect(isSealed(sealed)).toBe(true);
      expect(await vault.open(PLACE, sealed)).toBe(text);
      expect(await vault.seal(PLACE, text)).not.toBe(sealed);
    }
    expect(await vault.seal(PLACE, "s3cret")).not.toContain("s3cret");
    expect(keyIdOf(await vault.seal(PLACE, "s3cret"))).toBe(await vault.keyId());
  });

  test("does not open with any one character changed, or cut", async () => {
    const vault = testVault();
    const sealed = await vault.seal(PLACE, "s3cret");
    const start = sealed.lastIndexOf(".") + 1;
    // The last character has bits that are no part of a byte.
    for (let i = start; i < sealed.length - 1; i++) {
      const other = sealed[i] === "A" ? "B" : "A";
      expect(await vault.open(PLACE, sealed.slice(0, i) + other + sealed.slice(i + 1)), String(i)).toBeNull();
    }
    for (const text of [sealed.slice(0, -4), sealed.slice(0, start), `${sealed}AAAA`, "", "sealed.v1.00000000.AAAA"]) {
      expect(await vault.open(PLACE, text)).toBeNull();
    }
  });

  test.each<[string, Place]>([
    ["another header", headerPlace(OWNER, "https://a.example/hook", "x-other")],
    ["another origin", headerPlace(OWNER, "https://b.example/hook", "x-token")],
    ["another port", headerPlace(OWNER, "https://a.example:444/hook", "x-token")],
    ["another queue", headerPlace({ ...OWNER, name: "other" }, "https://a.example/hook", "x-token")],
    ["another namespace", headerPlace({ ...OWNER, namespace: "other" }, "https://a.example/hook", "x-token")],
    ["a subscription", headerPlace({ ...OWNER, kind: "subscription" }, "https://a.example/hook", "x-token")],
    ["a URL", urlPlace(OWNER, "https://a.example/hook")],
    ["a webhook secret", webhookPlace("acme")],
  ])("does not open as that of %s", async (_, place) => {
    const vault = testVault();
    expect(await vault.open(place, await vault.seal(PLACE, "s3cret"))).toBeNull();
  });

  test("goes with its origin: another path, and another spelling of the header, are the same place", async () => {
    const vault = testVault();
    const sealed = await vault.seal(PLACE, "s3cret");
    expect(await vault.open(headerPlace(OWNER, "https://a.example:443/other?x=1", "x-token"), sealed)).toBe("s3cret");
  });

  test("opens under the previous key while the key is being changed, and not without it", async () => {
    const old = await testVault().seal(PLACE, "s3cret");
    const between = testVault(OTHER_MASTER_KEY, MASTER_KEY);
    expect(await between.open(PLACE, old)).toBe("s3cret");
    const next = await between.seal(PLACE, "s3cret");
    expect(keyIdOf(next)).not.toBe(keyIdOf(old));
    expect(await testVault(OTHER_MASTER_KEY).open(PLACE, next)).toBe("s3cret");
    expect(await testVault(OTHER_MASTER_KEY).open(PLACE, old)).toBeNull();
    // The id of a key is no key.
    expect(await testVault(OTHER_MASTER_KEY).open(PLACE, old.replace(keyIdOf(old), keyIdOf(next)))).toBeNull();
  });
});

describe("a master key", () => {
  test.each([
    undefined,
    "",
    "a",
    "dure_master_",
    `dure_master_${"A".repeat(42)}`,
    `dure_master_${"A".repeat(44)}`,
    `dure_master_${"+".repeat(43)}`,
    // Bits beyond the last byte: another spelling of a key.
    `dure_master_${"A".repeat(42)}B`,
    "dure_root_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ])("%j is refused with a sentence that says how to make one", async (current) => {
    const keys = new MasterKeys({ current: current || undefined, previous: undefined });
    expect(keys.fault).toMatch(/^The secret DURE_MASTER_KEY is not .*openssl rand/);
    await expect(keys.all()).rejects.toThrow("DURE_MASTER_KEY");
  });

  test("is told of when it is the previous one that is none", () => {
    expect(masterKeys(MASTER_KEY, "a").fault).toMatch(/^The secret DURE_MASTER_KEY_PREVIOUS is not a master key/);
    expect(masterKeys(MASTER_KEY, OTHER_MASTER_KEY).fault).toBeNull();
  });

  test("has an id of 8 digits, always the same, and no two have the same", async () => {
    const [first, second] = await masterKeys(MASTER_KEY, OTHER_MASTER_KEY).all();
    expect(first.id).toMatch(/^[0-9a-f]{8}$/);
    expect(first.id).not.toBe(second?.id);
    expect((await masterKeys().current()).id).toBe(first.id);
  });
});
