import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Block, blocksOf } from "../../docs/blocks.ts";
import { runPage } from "../../docs/run-page.ts";

const folder = mkdtempSync(join(tmpdir(), "dure-page it's-"));
const envFile = join(folder, "env.sh");
writeFileSync(envFile, "export A=1\n");
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...fences: string[]) => {
  const blocks: Block[] = blocksOf(fences.map((fence) => `\`\`\`${fence}\n\`\`\``).join("\n\n"));
  return runPage(blocks, { folder, envFile });
};

test("blocks run in one shell, in order, from the file that the page reads, and programs see what it exports", async () => {
  const found = await run(
    "sh\n. .dure/env.sh\nB=$A",
    "sh\necho $B",
    "text\n1",
    "ts\nconst a: number = Number(process.env.A);\nconsole.log(JSON.stringify({ a }, null, 2));",
    'json\n{"a": 1}',
  );
  expect(found).toEqual([]);
});

test("what is printed and not shown so is told with its line", async () => {
  expect(await run("sh\necho one", "text\ntwo", "sh\nprintf '{\\n}\\n'", 'json\n{"a": 1}')).toEqual([
    "line 5: two\nis not in\none\n",
    "line 13: /a: is shown, and not printed",
  ]);
});

test("a command that fails ends the page, with what it said", async () => {
  expect(await run("sh\necho one", "sh\necho why >&2\nfalse\n", "sh\necho never", "text\nnever")).toEqual([
    "line 5: ended with 1: why\n",
  ]);
  expect(await run("ts\nprocess.exit(3)")).toEqual(["line 1: ended with 3: "]);
});

test("a page has the tools that the README asks for, and no others", async () => {
  expect(await run("sh\ncurl --version\nnode --version\ncat /dev/null\nsleep 0")).toEqual([]);
  expect(await run("sh\njq --version")).toEqual([expect.stringMatching(/^line 1: ended with 127: .*not found\n$/)]);
});

test("what a page leaves running in the background ends with it", async () => {
  expect(await run("sh\nsleep 1000 &")).toEqual([]);
});

test("what is marked is not run", async () => {
  expect(await run("sh deploy\nfalse", "ts worker\nprocess.exit(1)")).toEqual([]);
});
