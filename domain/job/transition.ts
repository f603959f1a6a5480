import { FINAL_STATES, JOB_STATES, type JobState, type RowState } from "./state.ts";

/** One event of the graph: in which states it may happen, and what it makes of the job. */
export interface Transition {
  /** In the order of `JOB_STATES`. Null: there is no job yet. */
  readonly from: readonly (JobState | null)[];
  /** The state after it. */
  readonly to: RowState;
  /** The state after it where the job is not to run before some time that is still ahead. */
  readonly later?: RowState;
}

/**
 * The graph of a job's states: what may happen to it, in which states, and what state follows. There is no other; whatever
 * writes a state takes it from here, by `nextState` for one job or by `fromStates` for a statement that moves many.
 */
export const TRANSITIONS = {
  /** A shard takes the job on. Until then it is nowhere. */
  accept: { from: [null], to: "queued", later: "scheduled" },
  /** Its run-at, or the end of its backoff, has come. */
  due: { from: ["scheduled"], to: "queued" },
  /** A worker takes it under a lease: an attempt begins. */
  claim: { from: ["queued"], to: "running" },
  /** The attempt is reported to have done it. */
  succeed: { from: ["running"], to: "succeeded" },
  /**
   * The attempt ended without success, and another is to follow (`afterFailure` in `retry.ts` decides). A lost worker
   * spends an attempt as a reported failure does: a job that kills its worker cannot run for ever.
   */
  retry: { from: ["running"], to: "queued", later: "scheduled" },
  /** The job comes back without an attempt being spent: it was deferred or released, or its worker had not begun it. */
  putBack: { from: ["running"], to: "queued", later: "scheduled" },
  /** The attempt ended without success, and was the last. */
  fail: { from: ["running"], to: "failed" },
  /** Its `expiresAt` came before any attempt of its present budget began. */
  expire: { from: ["scheduled", "queued"], to: "failed" },
  /** Somebody calls it off, by itself or with others. */
  cancel: { from: ["scheduled", "queued", "running"], to: "cancelled" },
  /** Accepted without its shard, it turns out at its commit to be one that must not run: see `rejectedAtCommit`. */
  reject: { from: ["queued"], to: "cancelled" },
  /** Back in line with a new budget of attempts. */
  redrive: { from: ["failed", "cancelled"], to: "queued", later: "scheduled" },
  /** A call changes it while it waits: by its id, or because it has its deduplication key. A new payload, a new run-at. */
  replace: { from: ["scheduled", "queued"], to: "queued", later: "scheduled" },
  /** Its user deletes it. */
  discard: { from: FINAL_STATES, to: "discarded" },
} as const satisfies Record<string, Transition>;

/** What may happen to a job. */
export type JobEventName = keyof typeof TRANSITIONS;

/** Something that happens to a job; `later` says, where the graph asks for it, whether its run-at is still ahead. */
export type JobEvent<Name extends JobEventName = JobEventName> = Name extends JobEventName
  ? (typeof TRANSITIONS)[Name] extends { later: RowState }
    ? { type: Name; later: boolean }
    : { type: Name }
  : never;

/** The states that an event can lead to. */
export type StateAfter<Name extends JobEventName> = Name extends JobEventName
  ? (typeof TRANSITIONS)[Name] extends { to: infer To; later: infer Later }
    ? To | Later
    : (typeof TRANSITIONS)[Name]["to"]
  : never;

/** One way through the graph. */
export interface Edge {
  event: JobEventName;
  to: RowState;
}

/** The state after `event`, or null when the graph has no such event in `state`. State null: there is no job yet. */
export function nextState<Name extends JobEventName>(
  state: RowState | null,
  event: JobEvent<Name> & { type: Name },
): StateAfter<Name> | null {
  const { from, to, later }: Transition = TRANSITIONS[event.type];
  if (!from.some((allowed) => allowed === state)) return null;
  const next = later !== undefined && "later" in event && event.later === true ? later : to;
  return next as StateAfter<Name>;
}

/** Every edge that leads out of `state` (null: there is no job yet), in the order of `TRANSITIONS`. */
export function transitionsFrom(state: RowState | null): Edge[] {
  return Object.entries<Transition>(TRANSITIONS)
    .filter(([, { from }]) => from.some((allowed) => allowed === state))
    .flatMap(([name, { to, later }]) => {
      const event = name as JobEventName;
      return later === undefined
        ? [{ event, to }]
        : [
            { event, to },
            { event, to: later },
          ];
    });
}

/** The states in which `event` may happen, in the order of `JOB_STATES`. Of `accept` there are none: there is no job yet. */
export function fromStates(event: JobEventName): JobState[] {
  const { from }: Transition = TRANSITIONS[event];
  return JOB_STATES.filter((state) => from.includes(state));
}

/**
 * The states as the right side of a condition in SQL, for `state ${sqlStates(fromStates("cancel"))}`: `= 'queued'` of one,
 * `IN ('scheduled', 'queued')` of several. It is one text for one list, so that a condition is written as its partial index
 * is. Throws for no states at all: such a condition selects nothing.
 */
export function sqlStates(states: readonly RowState[]): string {
  const [first, ...rest] = states.map((state) => `'${state}'`);
  if (first === undefined) throw new Error("a condition on the state names no state");
  return rest.length === 0 ? `= ${first}` : `IN (${[first, ...rest].join(", ")})`;
}
