import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { shellQuoted, writeEnvFile } from "../../../scripts/env-file.ts";

const dir = mkdtempSync(join(tmpdir(), "dure-env it's-"));
const file = writeEnvFile(dir, { url: "http://127.0.0.1:8787", key: "dure_root_it's $HOME" });
afterAll(() => rmSync(dir, { recursive: true }));

function sh(script: string, input = "") {
  const { stdout, stderr, status } = spawnSync("sh", ["-c", `. ${shellQuoted(file)}\n${script}`], {
    encoding: "utf8",
    input,
  });
  return { stdout, stderr, status };
}

test("the file sets address and key as they are, and only its owner can read it", () => {
  const { stdout } = sh(`echo "$DURE_URL"; echo "$AUTH"; env | grep ^DURE_KEY=`);
  const key = "dure_root_it's $HOME";
  expect(stdout).toBe(`http://127.0.0.1:8787\nAuthorization: Bearer ${key}\nDURE_KEY=${key}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  ["", '{\n  "id": "a",\n  "jobs": [\n    {\n      "n": 1\n    }\n  ],\n  "none": null\n}\n'],
  ["id", "a\n"],
  ["jobs.0.n", "1\n"],
  ["none", "null\n"],
  ["id jobs.0.n", '{\n  "id": "a",\n  "jobs.0.n": 1\n}\n'],
])("json %s", (names, stdout) => {
  expect(sh(`json ${names}`, '{"id":"a","jobs":[{"n":1}],"none":null}')).toEqual({ stdout, stderr: "", status: 0 });
});

test.each([
  ["id", '{"detail":"no"}', 'There is no id in this answer: {"detail":"no"}\n'],
  ["jobs.0.lease", '{"jobs":[]}', 'There is no jobs.0.lease in this answer: {"jobs":[]}\n'],
  ["id", "", "There was no answer. Does the platform run?\n"],
  ["", "<html>", "This is not JSON: <html>\n"],
])("json %s of %s fails, and shows what it read", (names, input, stderr) => {
  expect(sh(`json ${names}`, input)).toEqual({ stdout: "", stderr, status: 1 });
});

test.each([
  ["/tmp/a-b_c.d", "/tmp/a-b_c.d"],
  ["/tmp/a b", "'/tmp/a b'"],
  ["it's", "'it'\\''s'"],
  ["", "''"],
])("%j is written as %s", (text, quoted) => {
  expect(shellQuoted(text)).toBe(quoted);
});
