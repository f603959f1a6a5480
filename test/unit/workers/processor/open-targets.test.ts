import { expect, test } from "vitest";
import type { HttpTarget } from "../../../../domain/target-secrets.ts";
import { headerPlace, type TargetOwner } from "../../../../workers/crypto/places.ts";
import { OpenTargets } from "../../../../workers/processor/open-targets.ts";
import { testVault } from "../../../rigs/master-key.ts";

const OWNER: TargetOwner = { kind: "queue", namespace: "a", name: "q" };
const URL = "https://a.example/";

async function sealed(text: string, owner = OWNER): Promise<HttpTarget> {
  const value = await testVault().seal(headerPlace(owner, URL, "x-key"), text);
  return { type: "http", url: URL, headers: { "x-key": value } };
}

/** A vault that counts how often it opens something. */
function counted() {
  const vault = testVault();
  let opened = 0;
  const open = vault.open.bind(vault);
  vault.open = (place, text) => {
    opened += 1;
    return open(place, text);
  };
  return { vault, opened: () => opened };
}

test("a target is opened once a second, however many jobs it has", async () => {
  const targets = new OpenTargets();
  const { vault, opened } = counted();
  let now = 1_000;
  const target = await sealed("secret");
  const open = () => targets.open({ vault, now: () => now }, OWNER, { ...target });
  for (let i = 0; i < 5; i++) expect(await open()).toEqual({ url: URL, headers: { "x-key": "secret" } });
  expect(opened()).toBe(1);
  now += 999;
  await open();
  expect(opened()).toBe(1);
  now += 1;
  await open();
  expect(opened()).toBe(2);
  now -= 5_000;
  await open();
  expect(opened()).toBe(3);
});

test("other headers, and another owner's, are other targets", async () => {
  const targets = new OpenTargets();
  const { vault } = counted();
  const ports = { vault, now: () => 1 };
  const target = await sealed("secret");
  await targets.open(ports, OWNER, target);
  expect(await targets.open(ports, OWNER, await sealed("other"))).toMatchObject({ headers: { "x-key": "other" } });
  expect(await targets.open(ports, { ...OWNER, namespace: "b" }, target)).toBeNull();
});

test("what did not open is tried again", async () => {
  const targets = new OpenTargets();
  const { vault, opened } = counted();
  const ports = { vault, now: () => 1 };
  const target = await sealed("secret", { ...OWNER, name: "another" });
  expect(await targets.open(ports, OWNER, target)).toBeNull();
  expect(await targets.open(ports, OWNER, target)).toBeNull();
  expect(opened()).toBe(2);
});
