import { expect, it } from "vitest";
import { arrows, TOPICS } from "./arrows.ts";

const SHARD = "durable-objects/shard/";
const FOLDERS = { "kernel/step.ts": "", "jobs/x.ts": "", "flow/x.ts": "", "shard.ts": "" };

/** A shard of the topics jobs and flow, in this order, over which `files` are laid. */
function shard(files: Record<string, string>): string[] {
  const paths = Object.entries({ ...FOLDERS, ...files }).map(([path, text]): [string, string] => [SHARD + path, text]);
  return arrows(new Map(paths), ["jobs", "flow"]);
}

it.each([
  ["jobs/x.ts", 'import { x } from "../flow/x.ts";', "the topic jobs may not import"],
  ["jobs/x.ts", 'import type { X } from "../flow/x.ts";', "as flow does not come before it"],
  ["jobs/deep/x.ts", 'import { x } from "../../flow/x.ts";', "the topic jobs may not import"],
  ["flow/x.ts", 'import { commands } from "../commands.ts";', "which knows every topic"],
  ["flow/x.ts", 'import { y } from "../unlisted/y.ts";', "the topic flow may not import"],
  ["kernel/step.ts", 'import type { Job } from "../jobs/x.ts";', "the kernel may not import"],
  ["kernel/step.ts", 'import { Shard } from "../shard.ts";', "the kernel may not import"],
])("a wrong arrow is found: %s %s", (file, text, message) => {
  const found = shard({ [file]: text });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${SHARD}${file}: .*${message}`));
});

it("a folder that is not on the list may import every topic, and nobody may import it", () => {
  const extras = { "extras/x.ts": 'import { f } from "../flow/x.ts"; import { j } from "../jobs/x.ts";' };
  expect(shard(extras)).toEqual([]);
  expect(shard({ ...extras, "more/x.ts": 'import { x } from "../extras/x.ts";' })).toHaveLength(1);
  expect(shard({ ...extras, "flow/x.ts": 'import { x } from "../extras/x.ts";' })).toHaveLength(1);
});

it("a place on the list without a folder is found", () => {
  expect(arrows(new Map([[`${SHARD}kernel/step.ts`, ""]]), ["jobs"])).toEqual([
    `${SHARD}jobs/: the list of topics names the folder, which does not exist`,
  ]);
});

it("arrows to the kernel, to earlier topics, within a topic and out of the shard are let pass", () => {
  expect(
    shard({
      "shard.ts": 'import { commands } from "./commands.ts";',
      "commands.ts": 'import { x } from "./flow/x.ts"; import { y } from "./jobs/x.ts"; import "./kernel/step.ts";',
      "flow/x.ts":
        'import { x } from "../jobs/x.ts"; import { y } from "./y.ts"; import { s } from "../kernel/step.ts";',
      "kernel/step.ts": 'import { sql } from "./sql.ts"; import type { Sql } from "../../sql.ts";',
      "jobs/x.ts": 'import type { Job } from "../../../domain/job.ts"; import * as z from "zod";',
    }),
  ).toEqual([]);
});

it("the list names each topic once", () => {
  expect(new Set(TOPICS).size).toBe(TOPICS.length);
});
