import { FACTS, type Facts } from "../kernel/facts.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import type { JobHead } from "./job-row.ts";
import { unpack } from "./packs/unpack.ts";
import { JOB_TABLE } from "./row-store.ts";
import { countBytes } from "./stored-size.ts";

/** A hundred payloads of this many characters, at three bytes a character, still fit in one claim. */
export const LARGE_CHARACTERS = 48_000;
const KEY = "large";

/** Whether a payload so large ever came that a hundred of its kind would not fit in one claim. */
class LargePayloads {
  /** A field and no method: every claim looks at it. It counts at once, for the step too that brings the first. */
  any: boolean;
  #isWritten: boolean;

  constructor(facts: Facts) {
    this.any = facts.read(KEY) !== null;
    this.#isWritten = this.any;
  }

  /** 1 row, once in the life of a shard. */
  note(step: Step): void {
    if (this.#isWritten) return;
    this.any = true;
    step.scratch(this, () => {
      step.get(FACTS).write(KEY, "yes");
      step.onCommit(() => {
        this.#isWritten = true;
      });
      return true;
    });
  }
}

export const LARGE_PAYLOADS = new Part("large payloads", (shard) => new LargePayloads(shard.get(FACTS)));

/** Writes another payload into the row of a job, and the spec that goes with it. */
export function replacePayload(
  step: Step,
  { id, queue }: Pick<JobHead, "id" | "queue">,
  next: { payload: string; spec: string },
): void {
  unpack(step, id);
  const jobs = step.get(JOB_TABLE);
  const before = jobs.sizeOf(id);
  jobs.replacePayload(id, next.payload, next.spec);
  countBytes(step, queue, jobs.sizeOf(id) - before);
  noteIfLarge(step, next.payload);
}

/** Remembers that a claim has to look at sizes, where this payload is large. */
export function noteIfLarge(step: Step, payload: string): void {
  if (payload.length > LARGE_CHARACTERS) step.get(LARGE_PAYLOADS).note(step);
}
