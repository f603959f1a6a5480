import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startOf } from "../../../scripts/processes.ts";
import { lockState, StateInUse } from "../../../scripts/state-lock.ts";

const LOCK = join(import.meta.dirname, "../../../scripts/state-lock.ts");
let dir = "";
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dure-lock-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

/** Another process that takes the lock, says what came of it, and then waits for its end. */
async function other(): Promise<{ child: ChildProcess; said: string }> {
  const code = `
    const { lockState } = await import(${JSON.stringify(LOCK)});
    try { lockState(${JSON.stringify(dir)}); console.log("taken"); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: said.toString().trim() };
}

test("of several that come at once one has the state, and the others are told who; its end gives it back", async () => {
  const all = await Promise.all(Array.from({ length: 4 }, other));
  const [holder, ...more] = all.filter(({ said }) => said === "taken");
  expect(more).toEqual([]);
  const refused = `${dir} is in use by process ${holder?.child.pid}`;
  expect(all.filter((each) => each !== holder).map(({ said }) => said)).toEqual([refused, refused, refused]);
  expect(() => lockState(dir)).toThrow(StateInUse);
  holder?.child.stdin?.end();
  holder?.child.kill("SIGKILL");
  await once(holder?.child as ChildProcess, "exit");
  lockState(dir).release();
  expect(readdirSync(dir)).toEqual([]);
});

test("of several that come at once upon the lock of a dead one, one has the state", async () => {
  writeFileSync(join(dir, "host.json"), JSON.stringify({ host: 999_999_999, started: "long ago", workerd: null }));
  const all = await Promise.all(Array.from({ length: 4 }, other));
  expect(all.filter(({ said }) => said === "taken")).toHaveLength(1);
  expect(readdirSync(dir)).toEqual(["host.json"]);
});

test("another program that has the dead holder's pid now does not hold the state", () => {
  const lock = join(dir, "host.json");
  writeFileSync(lock, JSON.stringify({ host: process.pid, started: "before that program", workerd: null }));
  const own = lockState(dir);
  own.note(7);
  expect(JSON.parse(readFileSync(lock, "utf8"))).toEqual({
    host: process.pid,
    started: startOf(process.pid),
    workerd: 7,
  });
  expect(() => lockState(dir)).toThrow(`${dir} is in use by process ${process.pid}`);
  own.release();
  own.release();
  expect(readdirSync(dir)).toEqual([]);
});

test("one whose lock was moved away for another learns it when it notes its workerd", () => {
  const own = lockState(dir);
  writeFileSync(join(dir, "host.json"), JSON.stringify({ host: 1, started: "just now", workerd: null }));
  expect(() => own.note(7)).toThrow(`${dir} is in use by process 1`);
  own.release();
  expect(readdirSync(dir)).toEqual(["host.json"]);
});

test.each(["", "{", "null", '{"host": 1, "workerd": null}'])("a lock that says nothing, %j, is nobody's", (text) => {
  writeFileSync(join(dir, "host.json"), text);
  lockState(dir).release();
});

test("a process that is gone has no start, and one that runs has always the same", () => {
  expect(startOf(999_999_999)).toBeNull();
  expect(startOf(process.pid)).toBe(startOf(process.pid));
});
