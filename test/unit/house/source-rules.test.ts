import { expect, it } from "vitest";
import { violations } from "./source-rules.ts";

it.each([
  ["domain/x.ts", 'import * as z from "zod";', "may not import the package zod"],
  ["domain/x.ts", 'import { readFileSync } from "node:fs";', "may not import the package node:fs"],
  ["domain/x.ts", 'import { MAX_TAGS } from "../contract/limits.ts";', "may not import contract/limits.ts"],
  ["domain/x.ts", 'import type { Submitted } from "../contract/rpc.ts";', "may not import contract/rpc.ts"],
  ["domain/x.ts", 'const late = await import("../contract/rpc.ts");', "may not import contract/rpc.ts"],
  ["domain/x.ts", 'export type Row = import("../workers/db/schema.ts").Row;', "may not import workers/db/schema.ts"],
  ["domain/x.ts", 'import { Cron } from "croner";', "may not import the package croner"],
  ["contract/x.ts", 'import { Hono } from "hono";', "may not import the package hono"],
  ["contract/x.ts", 'import { slots } from "../durable-objects/shard/core.ts";', "may not import durable-objects/"],
  [
    "client/x.ts",
    'import { nextState } from "../domain/job/transition.ts";',
    "may not import domain/job/transition.ts",
  ],
  ["client/src/x.ts", 'import type { JobView } from "../../contract/job.ts";', "may not import contract/job.ts"],
  ["client/src/x.ts", 'import * as z from "zod";', "may not import the package zod"],
  ["examples/x/index.mjs", 'import { MAX_TAGS } from "../../contract/limits.ts";', "may not import contract/limits.ts"],
  ["examples/x.mjs", 'import { Dure } from "../client/src/index.ts";', "may not import client/src/index.ts"],
  ["examples/x/index.mjs", 'import * as z from "zod";', "may not import the package zod"],
  ["durable-objects/shard/x.ts", 'import { eq } from "drizzle-orm";', "may not import the package drizzle-orm"],
  ["durable-objects/shard/x.ts", 'import { keys } from "../../workers/db/keys.ts";', "may not import workers/db/"],
  ["workers/db/x.ts", 'import { auth } from "../gateway/auth.ts";', "may not import workers/gateway/auth.ts"],
  ["workers/gateway/x.ts", 'import { run } from "../processor/index.ts";', "may not import workers/processor/"],
  ["workers/processor/x.ts", 'import { app } from "../gateway/app.ts";', "may not import workers/gateway/app.ts"],
  ["workers/processor/x.ts", 'export * from "../gateway/app.ts";', "may not import workers/gateway/app.ts"],
  ["workers/gateway/x.ts", 'import { Shard } from "../../durable-objects/shard/shard.ts";', "as a type only"],
  ["workers/gateway/x.ts", 'import { type A, b } from "../../durable-objects/shard/shard.ts";', "as a type only"],
  ["workers/gateway/x.ts", 'export { Shard } from "../../durable-objects/shard/shard.ts";', "as a type only"],
  ["workers/gateway/index.ts", 'export { Core } from "../../durable-objects/shard/core.ts";', "as a type only"],
  ["workers/gateway/index.ts", 'import { Shard } from "../../durable-objects/shard/shard.ts";', "as a type only"],
  ["domain/x.ts", 'import { slotOf } from "./slots";', "has no .ts at its end"],
  ["domain/x.ts", "export const x: any = 1;", "says any"],
  ["domain/x.ts", `// ${"@ts"}-ignore\nexport const x = 1;`, "switches a check off"],
  ["domain/x.ts", `/* ${"biome"}-ignore lint: no */\nexport const x = 1;`, "switches a check off"],
  ["workers/gateway/x.ts", 'const stub = env.SHARD.getByName("shard-0");', "makes a stub of an object by itself"],
  ["durable-objects/x.ts", 'const id = this.env.SHARD.idFromName("shard-0");', "makes a stub of an object by itself"],
  ["workers/processor/x.ts", 'const eu = env.SHARD.jurisdiction("eu");', "makes a stub of an object by itself"],
])("a planted fault is found: %s %#", (file, text, message) => {
  const found = violations(file, text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["domain/x.ts", 'import { slotOf } from "./slots.ts";'],
  ["contract/x.ts", 'import * as z from "zod";\nimport type { Job } from "../domain/job/job.ts";'],
  ["contract/x.ts", 'import { Cron } from "croner";'],
  ["workers/db/x.ts", 'import { drizzle } from "drizzle-orm/d1";'],
  ["workers/gateway/x.ts", 'import type { Shard } from "../../durable-objects/shard/shard.ts";'],
  ["workers/gateway/x.ts", 'import { type Shard } from "../../durable-objects/shard/shard.ts";'],
  ["workers/gateway/index.ts", 'export { Shard } from "../../durable-objects/shard/shard.ts";'],
  ["client/src/x.ts", 'import { normalizeProgress } from "../../contract/progress-patch.ts";'],
  ["examples/x/index.mjs", 'import { bindingError } from "@dure/client/binding";'],
  ["workers/gateway/x.ts", 'const stub = objectStub(env.SHARD, "shard-0", env);'],
  ["scripts/x.ts", 'import { Miniflare } from "miniflare";'],
])("what is allowed is let pass: %s %#", (file, text) => {
  expect(violations(file, text)).toEqual([]);
});
