import { arrows } from "./arrows.ts";
import { circles } from "./circles.ts";
import { gatewayArrows } from "./gateway-arrows.ts";
import { lockfile } from "./lockfile.ts";
import { mirror } from "./mirror.ts";
import type { Check } from "./parse.ts";
import { retiredWords } from "./retired.ts";
import { shardTables } from "./shard-tables.ts";
import { sizes } from "./sizes.ts";
import { imports } from "./source-rules.ts";
import { stateWriters } from "./state-writers.ts";

/** Every check of the source tree under the name that `scripts/house.ts` prints. */
export const CHECKS: Readonly<Record<string, Check>> = {
  "imports and typing": imports,
  "circles of imports": circles,
  "arrows between topics": arrows,
  "arrows in the gateway": gatewayArrows,
  "writers of a job's state": stateWriters,
  "tables of a shard": () => shardTables(),
  "sizes of files and functions": sizes,
  "unit tests mirror the sources": mirror,
  "retired words": retiredWords,
  "packages and their hashes": () => lockfile(),
};
