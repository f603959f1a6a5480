import { spawnSync } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "./report.ts";

const JOBS = 1_000_000;
const MAX_MS = 150;
const MAX_MB = 20;

/** What a shard's start over a million waiting jobs takes, as `open-shard.ts` found it. */
export interface ShardStart {
  jobs: number;
  ms: number;
  mb: number;
}

/** The start of the largest shard under `stateDir`, whose platform has stopped: the same code over the same file, in Node. `what`: its jobs. */
export function shardStartRows(stateDir: string, what: string): Row[] {
  const [file] = globSync(`${stateDir}/do/**/*.sqlite`).toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (file === undefined) throw new Error(`no shard under ${stateDir}/do`);
  // A process of its own, whose memory is that of the shard.
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--no-warnings", join(import.meta.dirname, "open-shard.ts"), file],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`open-shard.ts: ${stderr}`);
  const { jobs, ms, mb } = JSON.parse(stdout) as ShardStart;
  if (jobs < JOBS) throw new Error(`the largest shard has only ${jobs} jobs`);
  return [
    {
      name: `start of a shard with 1,000,000 jobs, ${what}`,
      dure: ms,
      unit: "ms",
      budget: { of: "figure", atMost: MAX_MS },
    },
    {
      name: `what 1,000,000 jobs take of its memory, ${what}`,
      dure: mb,
      unit: "MB",
      budget: { of: "figure", atMost: MAX_MB },
    },
  ];
}
