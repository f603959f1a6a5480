import { expect, test } from "vitest";
import { blocksOf, fencesOf } from "../../docs/blocks.ts";

const page = (...blocks: [info: string, code: string][]) =>
  blocks.map(([info, code]) => `Words.\n\n\`\`\`${info}\n${code}\n\`\`\`\n`).join("\n");

test("a fence is found with its line, in a list too", () => {
  expect(fencesOf("a\n\n```sh x\none\n\ntwo\n```\n- b\n\n  ```json\n  {}\n  ```\n")).toEqual([
    { info: "sh x", line: 3, code: "one\n\ntwo" },
    { info: "json", line: 10, code: "  {}" },
  ]);
  expect(() => fencesOf("a\n```sh\nb")).toThrow("the block of line 2 is not closed");
});

test("the info string says what is done with a block", () => {
  const infos = ["sh", "sh deploy", "ts", "ts worker", "js", "ts file=a/b.ts", "ts line=c.ts", "toml"];
  expect(
    blocksOf(page(...infos.map((info): [string, string] => [info, "x"]))).map(({ code, line, ...is }) => is),
  ).toEqual([
    { kind: "command", skipped: null },
    { kind: "command", skipped: "deploy" },
    { kind: "program", language: "ts", skipped: null },
    { kind: "program", language: "ts", skipped: "worker" },
    { kind: "program", language: "js", skipped: null },
    { kind: "file", path: "a/b.ts", whole: true },
    { kind: "file", path: "c.ts", whole: false },
    { kind: "settings" },
  ]);
});

test.each(["", "shell", "sh later", "sh deploy start", "ts deploy", "js run", "json all", "text part", "toml x"])(
  "a block with the info string %j is refused",
  (info) => {
    expect(() => blocksOf(page(["sh", "true"], [info, "x"]))).toThrow(/^line \d+: the test knows no block of the kind/);
  },
);

test("an output belongs to the block before it, which has to be one that is run", () => {
  expect(blocksOf(page(["sh", "true"], ["json part", "{}"]))[1]).toMatchObject({ kind: "output", format: "part" });
  expect(blocksOf(page(["ts", "1"], ["text", "1"]))[1]).toMatchObject({ kind: "output", format: "text" });
  const refused = /no block before this output prints it/;
  expect(() => blocksOf(page(["json", "{}"]))).toThrow(refused);
  expect(() => blocksOf(page(["sh deploy", "true"], ["json", "{}"]))).toThrow(refused);
  expect(() => blocksOf(page(["sh", "true"], ["json", "{}"], ["json", "{}"]))).toThrow(refused);
});
