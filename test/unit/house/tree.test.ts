import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { CHECKS } from "./checks.ts";
import { repositoryFiles } from "./repository.ts";

it("the checks see the whole tree", () => {
  expect(repositoryFiles().size).toBeGreaterThan(500);
});

// In a process of its own: the syntax trees of a thousand files would weigh on every test that comes after.
it("the source tree keeps the rules", { timeout: 60_000 }, async () => {
  const script = join(import.meta.dirname, "../../../scripts/house.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script]).catch((failed) => failed);
  expect(stdout.trim().split("\n")).toEqual(Object.keys(CHECKS).map((name) => `ok: ${name}`));
});
