import { expect, it } from "vitest";
import { circles } from "./circles.ts";

const tree = (files: Record<string, string>) => circles(new Map(Object.entries(files)));

it.each<[string, Record<string, string>, string[]]>([
  [
    "two files import each other",
    { "domain/a.ts": 'import { b } from "./b.ts";', "domain/b.ts": 'import { a } from "./a.ts";' },
    ["domain/a.ts -> domain/b.ts -> domain/a.ts"],
  ],
  [
    "the way back is a type",
    {
      "durable-objects/x/a.ts": 'import { b } from "../y/b.ts";',
      "durable-objects/y/b.ts": 'import type { A } from "../x/a.ts";',
    },
    ["durable-objects/x/a.ts -> durable-objects/y/b.ts -> durable-objects/x/a.ts"],
  ],
  [
    "three files, found once, by way of a re-export and an import() type",
    {
      "workers/processor/c.ts": 'export * from "./a.ts";',
      "workers/processor/a.ts": 'import { b } from "./b.ts";',
      "workers/processor/b.ts": 'export type C = import("./c.ts").C;',
    },
    ["workers/processor/a.ts -> workers/processor/b.ts -> workers/processor/c.ts -> workers/processor/a.ts"],
  ],
  ["a file imports itself", { "domain/a.ts": 'import { a } from "./a.ts";' }, ["domain/a.ts -> domain/a.ts"]],
  [
    "two circles that share a file",
    {
      "domain/a.ts": 'import { b } from "./b.ts"; import { c } from "./c.ts";',
      "domain/b.ts": 'import { a } from "./a.ts";',
      "domain/c.ts": 'import { a } from "./a.ts";',
    },
    ["domain/a.ts -> domain/b.ts -> domain/a.ts", "domain/a.ts -> domain/c.ts -> domain/a.ts"],
  ],
])("a circle is found: %s", (_, files, expected) => {
  expect(tree(files)).toEqual(expected);
});

it("what imports one way, what no file is, and folders that are not judged are let pass", () => {
  expect(
    tree({
      "domain/a.ts": 'import { b } from "./b.ts"; import { c } from "./c.ts"; import { d } from "./gone.ts";',
      "domain/b.ts": 'import { c } from "./c.ts";',
      "domain/c.ts": 'import * as z from "zod";',
      "scripts/a.ts": 'import { b } from "./b.ts";',
      "scripts/b.ts": 'import { a } from "./a.ts";',
    }),
  ).toEqual([]);
});
