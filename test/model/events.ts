/** What can happen to a shard, as data: a failing history is a list of these that can be read, and run again. */
import fc from "fast-check";
import type { Dedup } from "../../contract/rpc.ts";
import { DEDUP_CONFLICTS } from "../../domain/dedup.ts";
import type { RetryPolicy } from "../../domain/job/job.ts";
import type { KeyAction } from "./parked.ts";
import { anyChange, type Change } from "./plan.ts";

/** A number that picks among what is there at that moment, by its remainder. */
type Which = number;

export interface JobSpec {
  queue: Which;
  priority: number;
  orderingKey: string | null;
  concurrencyKey: string | null;
  idempotency: { key: string; hash: string } | null;
  dedup: Dedup | null;
  delayMs: number | null;
  /** `delayMs` is sent as a run-at. */
  asRunAt: boolean;
  expiresInMs: number | null;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
}

/** A lease that is at work, or whose job was cancelled under it (else nothing happens), any ever given, or none of these. */
export interface LeaseRef {
  which: Which;
  of: "current" | "cancelled" | "any" | "forged" | "foreign";
}

export interface ReportSpec extends LeaseRef {
  outcome: "ok" | "error" | "final-error" | "deferred" | "released";
  retryAfterMs: number | null;
}

/** What a call changes of a job; what is left out stays. */
export interface ChangeSpec {
  payload?: string;
  priority?: number;
  runInMs?: number | null;
  expiresInMs?: number | null;
}

export type Event =
  | { type: "submit"; jobs: JobSpec[]; atomic: boolean; stale: boolean }
  | { type: "resend"; which: Which }
  /** The processor comes to the lane of a queue, with room for jobs of its kind and for others. */
  | { type: "work"; queue: Which; room: number; other: number; leaseMs: number; reports: ReportSpec[] }
  /** A pull worker comes to the queue, or to the first pull queue where there is one. */
  | { type: "claim"; queue: Which; max: number; leaseMs: number | null; begins: boolean }
  | { type: "report"; reports: ReportSpec[] }
  | { type: "extend"; lease: LeaseRef; leaseMs: number }
  /** Of a job that runs where one does, or of any. */
  | { type: "cancel"; which: Which; atWork: boolean; foreign: boolean }
  | { type: "retry"; which: Which; foreign: boolean }
  /** A change of a job that may wait, for its version, for another, or for any. Times are from now on; null takes them away. */
  | { type: "patch"; which: Which; changes: ChangeSpec; version: "its" | "another" | "any"; foreign: boolean }
  | { type: "run-now"; which: Which; foreign: boolean }
  /** What a person does about an ordering key. */
  | { type: "key"; queue: Which; key: string; action: KeyAction }
  | { type: "purge"; queue: Which; limit: number }
  | { type: "configure"; queue: Which; change: Change; pushed: boolean }
  | { type: "wait"; ms: number }
  /** Until shortly before, at, or after the next thing that is due. */
  | { type: "wait-for"; offsetMs: number }
  /** The clock jumps: what lay between is late. */
  | { type: "jump"; ms: number }
  | { type: "step-back"; ms: number }
  | { type: "chance"; value: number }
  /** The object dies and starts anew; the platform may have lost its alarm too. */
  | { type: "restart"; alarmLost: boolean }
  /** From now on each change of the state of a job throws, until it is mended. */
  | { type: "plant" | "mend"; which: Which }
  | { type: "lose-alarm" | "wake" | "look" };

const which = fc.nat({ max: 30 });
/** Mostly the first queue, so that enough comes together there. */
const queue = fc.constantFrom(0, 0, 0, 1, 2, 3);
const nullOr = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 });
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 7);
const durations = fc.constantFrom(0, 1, 300, 700, 999, 1_000, 1_001, 1_500, 3_001, 5_000, 30_000);

const anyJob: fc.Arbitrary<JobSpec> = fc.record({
  queue,
  priority: fc.constantFrom(4, 4, 0, 5, 9),
  orderingKey: nullOr(fc.constantFrom("k", "l")),
  concurrencyKey: nullOr(fc.constantFrom("x", "y")),
  idempotency: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.record({ key: fc.constantFrom("i", "j"), hash: fc.constantFrom("same", "same", "other") }),
    },
  ),
  dedup: fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.record({
        key: fc.constantFrom("d", "d", "e"),
        windowMs: fc.constantFrom(null, 1_500, 30_000),
        onConflict: fc.constantFrom(...DEDUP_CONFLICTS, "runAfter" as const, "runAfter" as const),
        maxDelayMs: fc.constantFrom(null, 2_000),
      }),
    },
  ),
  delayMs: fc.constantFrom(null, null, null, 0, 1, 1_000, 10_000),
  asRunAt: fc.boolean(),
  expiresInMs: fc.constantFrom(null, null, null, null, null, null, null, 0, 1_000, 20_000),
  timeoutMs: fc.constantFrom(null, null, 1_500),
  retry: fc.constantFrom(
    null,
    null,
    { maxAttempts: 1 },
    { maxAttempts: 4, backoff: "linear", delayMs: 700, maxDelayMs: 1_600 },
    { backoff: "constant", delayMs: 0 },
    { jitter: "full", delayMs: 2_000 },
    { jitter: "half", delayMs: 2_000 },
  ),
});

const lease = {
  which,
  of: fc.constantFrom("current", "current", "current", "current", "cancelled", "any", "any", "forged", "foreign"),
} as const;
const anyReport: fc.Arbitrary<ReportSpec> = fc.record({
  ...lease,
  outcome: fc.constantFrom("ok", "ok", "error", "error", "final-error", "deferred", "released"),
  retryAfterMs: fc.constantFrom(null, null, null, 0, 5_000),
});

const anyChangeOfJob: fc.Arbitrary<ChangeSpec> = fc.record(
  {
    payload: fc.constantFrom('"changed"', "null"),
    priority: fc.constantFrom(0, 4, 9),
    runInMs: fc.constantFrom(null, 0, 1, 1_000, 5_000),
    expiresInMs: fc.constantFrom(null, null, 0, 1_000, 20_000),
  },
  { requiredKeys: [] },
);

const just = <T extends Event["type"]>(type: T) => fc.constant(type);
const kinds: [weight: number, arbitrary: fc.Arbitrary<Event>][] = [
  [
    10,
    fc.record({
      type: just("submit"),
      jobs: fc.array(anyJob, { minLength: 1, maxLength: 4 }),
      atomic: rarely,
      stale: rarely,
    }),
  ],
  [1, fc.record({ type: just("resend"), which })],
  [
    8,
    fc.record({
      type: just("work"),
      queue,
      room: fc.constantFrom(1, 2, 3, 10),
      other: fc.constantFrom(1, 10, 0),
      leaseMs: fc.constantFrom(1_000, 15_000),
      reports: fc.array(anyReport, { maxLength: 3 }),
    }),
  ],
  [
    3,
    fc.record({
      type: just("claim"),
      queue: which,
      max: fc.constantFrom(1, 2, 10),
      leaseMs: fc.constantFrom(null, 1_000, 20_000),
      begins: fc.boolean(),
    }),
  ],
  [6, fc.record({ type: just("report"), reports: fc.array(anyReport, { minLength: 1, maxLength: 3 }) })],
  [2, fc.record({ type: just("extend"), lease: fc.record(lease), leaseMs: fc.constantFrom(0, 1, 2_000, 20_000) })],
  [2, fc.record({ type: just("cancel"), which, atWork: fc.boolean(), foreign: rarely })],
  [2, fc.record({ type: just("retry"), which, foreign: rarely })],
  [
    3,
    fc.record({
      type: just("patch"),
      which,
      changes: anyChangeOfJob,
      version: fc.constantFrom("any" as const, "any" as const, "its" as const, "another" as const),
      foreign: rarely,
    }),
  ],
  [1, fc.record({ type: just("run-now"), which, foreign: rarely })],
  [
    3,
    fc.record({
      type: just("key"),
      queue,
      key: fc.constantFrom("k", "l"),
      action: fc.constantFrom("pause" as const, "resume" as const, "retry" as const, "skip" as const),
    }),
  ],
  [1, fc.record({ type: just("purge"), queue: which, limit: fc.constantFrom(1, 2, 200) })],
  [3, fc.record({ type: just("configure"), queue, change: anyChange, pushed: fc.boolean() })],
  [4, fc.record({ type: just("wait"), ms: durations })],
  [3, fc.record({ type: just("wait-for"), offsetMs: fc.constantFrom(-1, 0, 1) })],
  [1, fc.record({ type: just("jump"), ms: durations })],
  [1, fc.record({ type: just("step-back"), ms: fc.constantFrom(1, 40, 200) })],
  [1, fc.record({ type: just("chance"), value: fc.constantFrom(0, 0.25, 0.999) })],
  [1, fc.record({ type: fc.constantFrom("lose-alarm" as const, "wake" as const) })],
  [1, fc.record({ type: just("restart"), alarmLost: fc.boolean() })],
  [2, fc.record({ type: fc.constantFrom("plant" as const, "plant" as const, "mend" as const), which })],
  [1, fc.record({ type: just("look") })],
];

/** Without `size` an array stays so short that little ever happens. */
export const anyEvents: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
  { minLength: 1, maxLength: 80, size: "max" },
);
