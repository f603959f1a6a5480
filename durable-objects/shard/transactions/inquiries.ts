import { Part } from "../kernel/part.ts";

/** What those are woken by who read a job of a batch that is not decided. */
export const DECIDED = "decided";

/** Transactions whose coordinator is to be asked how they were decided. A hint, in memory alone: the alarm asks again. */
export const INQUIRIES = new Part("inquiries", () => new Set<string>());
