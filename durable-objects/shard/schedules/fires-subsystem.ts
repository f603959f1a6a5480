import type { Subsystem } from "../kernel/subsystem.ts";
import { nextPurgeAt, purgeFires } from "./fire.ts";

/** Records forgotten in one step. */
const PURGE_PER_STEP = 200;

/** What became of the instants of schedules: each record is forgotten when its time is over. The rows are of `schedules`. */
export const fires: Subsystem = {
  name: "fires",
  nextAt: nextPurgeAt,
  tick: (step) => purgeFires(step, PURGE_PER_STEP) === PURGE_PER_STEP,
};
