import type { Subsystem } from "../kernel/subsystem.ts";
import { ANY_HOLD, HOLDS } from "./holds.ts";

/** Which services take no jobs now, as executors have heard of them. */
export const holds: Subsystem = { name: "holds", memory: [HOLDS, ANY_HOLD] };
