import { type Packing, parsePacking } from "../../durable-objects/shard/jobs/packs/packing.ts";

/** What the shards of a run go by, unless a test says otherwise: the variable `DURE_PACKS` has it, for whoever runs the suites the other way. */
export const PACKING_OF_RUN: Packing = parsePacking(process.env.DURE_PACKS);
