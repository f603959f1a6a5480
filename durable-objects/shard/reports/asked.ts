import type { BusyItem, MovedItem } from "../../../contract/rpc.ts";
import { parseLease } from "../../../domain/lease.ts";
import { EACH_JOB } from "../jobs/job-store.ts";
import { type OwnLeases, ownLeases } from "../kernel/ownership.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";

/** An item over whose job the step has thrown is to be sent again after this long. */
const AGAIN_MS = 5_000;

/** Items of a call that are this shard's, without those over whose jobs the call throws: they are answered `busy`. */
export type AskedLeases<Item> = Pick<OwnLeases<Item>, "own"> & {
  answers<Result>(results: Result[]): (Result | MovedItem | BusyItem)[];
};

/** Sorts the items of a call out: those of other shards, and those that make the call throw, so that the others are taken. */
export function askedLeases<Item extends { lease: string }>(step: Step, items: Item[]): AskedLeases<Item> {
  const { own, answers } = ownLeases(step, items);
  const taken = own.map((item) => isWorkable(step, item));
  if (!taken.includes(false)) return { own, answers };
  const busy: BusyItem = { status: "busy", retryAfterMs: AGAIN_MS };
  return {
    own: own.filter((_, i) => taken[i]),
    answers<Result>(results: Result[]) {
      const rest = results.values();
      return answers<Result | BusyItem>(taken.map((isTaken) => (isTaken ? (rest.next().value as Result) : busy)));
    },
  };
}

function isWorkable(step: Step, { lease: text }: { lease: string }): boolean {
  const lease = parseLease(text);
  const job = lease === null ? null : { kind: EACH_JOB.kind, key: lease.jobId };
  return job === null || step.get(QUARANTINE).enters(job, step.now, { asked: true });
}
