import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rootKeyFault } from "../../../domain/root-key.ts";
import { localMasterKey, localRootKey, openState, UnreadableState } from "../../../scripts/state.ts";
import { MasterKeys } from "../../../workers/crypto/master-key.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dure-state-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a state directory is marked when it is first used, and read as long as the mark is this version's", () => {
  const inner = join(dir, "new", "state");
  openState(inner);
  expect(readFileSync(join(inner, "format"), "utf8")).toBe("1\n");
  writeFileSync(join(inner, "root-key"), "secret");
  openState(inner);
  expect(readdirSync(inner).sort()).toEqual(["format", "root-key"]);
});

test("one that a file system or a Finder has put something into is still new", () => {
  mkdirSync(join(dir, "lost+found"));
  writeFileSync(join(dir, ".DS_Store"), "");
  openState(dir);
  expect(readdirSync(dir)).toContain("format");
});

test("state without a mark is of a development version: it is refused, and stays as it is", () => {
  writeFileSync(join(dir, "root-key"), "secret");
  const open = () => openState(dir);
  expect(open).toThrow(UnreadableState);
  expect(open).toThrow(`The state in ${dir} was written by a development version before the first release`);
  expect(readdirSync(dir)).toEqual(["root-key"]);
});

test("state of another format is refused, and stays as it is", () => {
  writeFileSync(join(dir, "format"), "2\n");
  expect(() => openState(dir)).toThrow("has format 2, and this version of Dure reads format 1");
  expect(readFileSync(join(dir, "format"), "utf8")).toBe("2\n");
});

test("a start that died before its mark was whole leaves a new directory, and the root key is made once", () => {
  writeFileSync(join(dir, ".format-1"), "");
  openState(dir);
  const key = localRootKey(dir, {});
  expect(key).toMatch(/^dure_root_.{43}$/);
  expect(rootKeyFault("DURE_ROOT_KEY", key)).toBeNull();
  expect(localRootKey(dir, {})).toBe(key);
  expect(statSync(join(dir, "root-key")).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir).sort()).toEqual([".format-1", "format", "root-key"]);
});

test("a state directory is its owner's alone, also one that was there before; one that is refused stays as it is", () => {
  chmodSync(dir, 0o755);
  openState(dir);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  writeFileSync(join(dir, "later"), "");
  expect(statSync(join(dir, "later")).mode & 0o777).toBe(0o600);
  const other = join(dir, "other");
  mkdirSync(other, { mode: 0o755 });
  chmodSync(other, 0o755);
  writeFileSync(join(other, "root-key"), "secret");
  expect(() => openState(other)).toThrow(UnreadableState);
  expect(statSync(other).mode & 0o777).toBe(0o755);
});

test("the master key is made once, is one, and is readable by its owner alone; one of the environment comes first", () => {
  openState(dir);
  const key = localMasterKey(dir, {});
  expect(new MasterKeys({ current: key, previous: undefined }).fault).toBeNull();
  expect(localMasterKey(dir, { DURE_MASTER_KEY: "" })).toBe(key);
  expect(statSync(join(dir, "master-key")).mode & 0o777).toBe(0o600);
  expect(localMasterKey(dir, { DURE_MASTER_KEY: "mine" })).toBe("mine");
});
