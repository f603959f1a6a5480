import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { NOT_RUN, NOT_STARTED } from "../../docs/blocks.ts";
import { pages, ROOT } from "../../docs/pages.ts";
import { typeErrors } from "../../docs/types.ts";

const blocks = pages().flatMap(({ path, blocks }) => blocks.map((block) => ({ page: path, block })));

test("what is not run is what is listed here: each has its reason in its info string", () => {
  const skipped = blocks.flatMap(({ page, block }) =>
    (block.kind === "command" || block.kind === "program") && block.skipped !== null
      ? [`${page}: ${block.skipped}`]
      : [],
  );
  expect(skipped).toEqual([
    "README.md: start",
    "README.md: deploy",
    "docs/long-jobs.md: worker",
    "docs/long-jobs.md: worker",
    "docs/other-workers.md: worker",
    "docs/other-workers.md: worker",
    "docs/other-workers.md: worker",
    "docs/runbook-keys.md: deploy",
    "docs/runbook-keys.md: deploy",
    "docs/runbook-keys.md: start",
    "docs/runbook-keys.md: deploy",
    "docs/runbook-keys.md: deploy",
    "docs/runbook-keys.md: deploy",
    "docs/runbook-keys.md: start",
    "docs/targets.md: worker",
    "docs/targets.md: worker",
  ]);
  const used = new Set(skipped.map((line) => line.replace(/^.*: /, "")));
  expect(Object.keys({ ...NOT_RUN, ...NOT_STARTED }).filter((reason) => !used.has(reason))).toEqual([]);
});

test("a page with commands begins by reading the address and the key", () => {
  const first = pages().flatMap(({ path, blocks }) => {
    const command = blocks.find((block) => block.kind === "command" && block.skipped === null);
    return command === undefined ? [] : [`${path}: ${command.code}`];
  });
  expect(first).toEqual(first.map((line) => line.replace(/: .*$/s, ": . .dure/env.sh")));
  expect(first.length).toBeGreaterThan(8);
});

test("what one page makes no other page makes: a reader tries several on one platform", () => {
  const makers = new Map<string, string[]>();
  for (const { page, block } of blocks)
    for (const [, made = ""] of block.code.matchAll(/-X PUT \$DURE_URL\/v1\/(\S+)/g))
      makers.set(made, [...(makers.get(made) ?? []), page]);
  expect([...makers].filter(([, pages]) => new Set(pages).size > 1)).toEqual([]);
  expect(makers.size).toBeGreaterThan(15);
});

test("no command block has a comment: an interactive zsh takes it for a command", () => {
  const commented = blocks.filter(({ block }) => block.kind === "command" && /(^|\s)#/.test(block.code));
  expect(commented.map(({ page, block }) => `${page}:${block.line}`)).toEqual([]);
});

test("settings can be read", () => {
  for (const { block } of blocks) if (block.kind === "settings") expect(() => parse(block.code)).not.toThrow();
});

test("programs have the right types, Workers too, and a wrong one is found", { timeout: 60_000 }, () => {
  const programs = blocks.flatMap(({ page, block }) =>
    block.kind === "program" || block.kind === "file" ? [{ page, block }] : [],
  );
  expect(programs.length).toBeGreaterThan(6);
  const code = 'import { Dure } from "@dure/client";\n\nnew Dure({ url: 7, key: "a" });';
  const planted = { kind: "program", language: "ts", skipped: null, line: 3, code } as const;
  expect(typeErrors(ROOT, [...programs, { page: "docs/a.md", block: planted }])).toEqual([
    "docs-a.md-3.ts:3: Type 'number' is not assignable to type 'string'.",
  ]);
});
