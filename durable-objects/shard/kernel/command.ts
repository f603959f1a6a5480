import type { Engine } from "./engine.ts";
import type { Waiting } from "./long-poll.ts";
import type { Parts } from "./part.ts";
import type { Step } from "./step.ts";

/**
 * The slots that a call touches, as a function of its request: the shell answers `moved` or `busy` in place of running a
 * call whose slots are not all this shard's; `job` is the id of the one job that the call is about. `each`: every item of the request answers for its own slot. `none`: the call
 * is about the shard or a queue as a whole, for the reason given.
 */
export type Touches<Request> =
  | { by: "slots"; of: (request: Request) => Iterable<number>; job?: (request: Request) => string }
  | { by: "each" }
  | { by: "none"; why: string };

/** A call that has been answered and may be held: `rounds` that it has waited before, and for how long in all. */
export interface WaitingCall<Request, Result> {
  request: Request;
  result: Result;
  rounds: number;
  elapsedMs: number;
  /** Epoch milliseconds. */
  now: number;
}

/** How a call that finds nothing yet is held. A wait of no time is none. Whoever waits is woken by `Step.wake(key)`. */
export interface Patience<Request, Result> {
  /** What to wait for before the call is run again; null: the answer stands. */
  again?(shard: Engine, call: WaitingCall<Request, Result>): Waiting | null;
  /** What to wait for before the answer goes out as it is; null: it goes now. */
  hold?(shard: Parts, call: WaitingCall<Request, Result>): Waiting | null;
  /** The answer as it goes out, after its wait. Left out: as it is. */
  after?(result: Result, call: WaitingCall<Request, Result>): Result;
  /** The call is held no more, however that came. */
  leave?(shard: Parts, request: Request): void;
}

/**
 * How calls that come in one turn of the event loop run as one step, so that they share its rows. Each is answered what it
 * would be alone, one after the other.
 */
export interface Joint<Request, Result> {
  /** Whether the call may share a step. */
  takes(request: Request): boolean;
  /** Answers in the order of the requests; null where nothing was done, and each runs alone. */
  run(step: Step, requests: readonly Request[]): Result[] | null;
}

/** Calls that share one step at most: it must not hold up others for long, nor be undone for one fault of many. */
export const MOST_JOINT = 64;

interface CommandBase<Request, Result> {
  readonly touches: Touches<Request>;
  /** What runs in place of a call that has thrown `error`, and so has done nothing; it may throw the same. No fault of the platform comes here. */
  readonly otherwise?: (engine: Engine, request: Request, error: unknown) => Result;
  readonly patience?: Patience<Request, Result>;
}

/**
 * One call of the shard: which slots it touches, what runs, and how it waits. A `write` is one step; a `read` changes no row
 * of a job and looks at the moment `now` (epoch milliseconds); a `direct` one runs the engine itself. `alarmAt` is what the
 * platform's alarm is set to, epoch milliseconds, null when it is not: the platform is asked for it where the call says so, and
 * undefined where nobody has asked.
 */
export type Command<Request, Result> = CommandBase<Request, Result> &
  (
    | {
        readonly kind: "write";
        readonly run: (step: Step, request: Request) => Result;
        readonly joint?: Joint<Request, Result>;
      }
    | { readonly kind: "read"; readonly run: (shard: Parts, request: Request, now: number) => Result }
    | {
        readonly kind: "direct";
        readonly asksAlarm?: true;
        readonly run: (engine: Engine, request: Request, alarmAt: number | null | undefined) => Result;
      }
  );

/** A call that changes rows: one step, in which calls that come together share one commit. */
export function write<Request, Result>(
  touches: Touches<Request>,
  run: (step: Step, request: Request) => Result,
  patience?: Patience<Request, Result>,
): Command<Request, Result> {
  return { kind: "write", touches, run, ...(patience === undefined ? {} : { patience }) };
}

/** A call that changes no row of a job. It may tell the bells that somebody came. */
export function read<Request, Result>(
  touches: Touches<Request>,
  run: (shard: Parts, request: Request, now: number) => Result,
  patience?: Patience<Request, Result>,
): Command<Request, Result> {
  return { kind: "read", touches, run, ...(patience === undefined ? {} : { patience }) };
}

/** A call that runs the engine itself. */
export function direct<Request, Result>(
  touches: Touches<Request>,
  run: (engine: Engine, request: Request) => Result,
  patience?: Patience<Request, Result>,
): Command<Request, Result> {
  return { kind: "direct", touches, run, ...(patience === undefined ? {} : { patience }) };
}

/** The call is about the whole shard, or about a queue wherever its partitions lie. */
export function none(why: string): { by: "none"; why: string } {
  return { by: "none", why };
}

/** The call touches these slots. */
export function slots<Request>(of: (request: Request) => Iterable<number>): Touches<Request> {
  return { by: "slots", of };
}

/** Every item of the call answers for its own slot. */
export const EACH = { by: "each" } as const;
