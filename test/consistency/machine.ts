import type { JobState } from "../../domain/job/state.ts";
import { type JobEvent, nextState } from "../../domain/job/transition.ts";

/** One job as it would be if every call happened at one instant: what a linearizable store of jobs is compared with. */

/** `version` grows by one with every change. `spent`: attempts since acceptance or the last retry. */
export type Model =
  | { at: "absent" }
  | { at: "removed" }
  | { at: JobState; version: number; attempt: number; spent: number };

export type Call =
  | { type: "submit"; later?: boolean }
  | { type: "read" }
  | { type: "cancel" }
  | { type: "retry" }
  | { type: "claim" }
  /** By the lease of the attempt with this number. */
  | { type: "succeed"; attempt: number }
  | { type: "fail"; attempt: number; retryable: boolean }
  | { type: "remove" };

/** The job as an answer tells it. What an answer leaves out may be anything. */
export interface JobAnswer {
  state: JobState;
  attempt: number;
  version?: number;
}

/**
 * `refused`: the job's state forbids the call, or the lease is not the current one. `unsaid`: the call is over, and was
 * either carried out or refused.
 */
export type Reply =
  | { type: "job"; job: JobAnswer }
  | { type: "absent" }
  | { type: "refused" }
  | { type: "done" }
  | { type: "unsaid" };

export interface Rules {
  maxAttempts: number;
  /** Whether a failed attempt waits before the next. */
  backoff?: boolean;
  /** Whether leases may end by themselves. */
  leasesEnd?: boolean;
}

export const BEFORE: Model = { at: "absent" };

/** What a call does to a job in `model`, and how it is answered. */
export function perform(model: Model, call: Call, rules: Rules): { next: Model; reply: Reply } {
  if (call.type === "submit") {
    if (model.at === "removed") return { next: model, reply: { type: "absent" } };
    if (model.at !== "absent") return { next: model, reply: answerOf(model) };
    return changed({ at: call.later ? "scheduled" : "queued", version: 1, attempt: 0, spent: 0 });
  }
  if (model.at === "absent" || model.at === "removed") {
    const reports = call.type === "succeed" || call.type === "fail";
    return { next: model, reply: { type: reports ? "refused" : "absent" } };
  }
  if (call.type === "read") return { next: model, reply: answerOf(model) };
  if (call.type === "remove") {
    if (nextState(model.at, { type: "discard" }) === null) return { next: model, reply: { type: "refused" } };
    return { next: { at: "removed" }, reply: { type: "done" } };
  }
  const event = eventOf(model, call, rules);
  const state = event === null ? null : nextState(model.at, event);
  return state === null ? { next: model, reply: { type: "refused" } } : changed(after(model, call, state));
}

type Live = Extract<Model, { version: number }>;

type Change = JobEvent<"cancel" | "claim" | "redrive" | "succeed" | "fail" | "retry">;

function eventOf(model: Live, call: Call, { maxAttempts, backoff = true }: Rules): Change | null {
  switch (call.type) {
    case "cancel":
    case "claim":
      return { type: call.type };
    case "retry":
      return { type: "redrive", later: false };
    case "succeed":
      return call.attempt === model.attempt ? { type: "succeed" } : null;
    case "fail":
      if (call.attempt !== model.attempt) return null;
      return call.retryable && model.spent < maxAttempts ? { type: "retry", later: backoff } : { type: "fail" };
    default:
      return null;
  }
}

function after(model: Live, call: Call, at: JobState): Live {
  const claimed = call.type === "claim" ? 1 : 0;
  const spent = call.type === "retry" ? 0 : model.spent + claimed;
  return { at, version: model.version + 1, attempt: model.attempt + claimed, spent };
}

/** What time alone may do to the job. */
export function drift(model: Model, { maxAttempts, leasesEnd = false }: Rules): Model[] {
  if (model.at === "scheduled") return [{ ...model, at: "queued", version: model.version + 1 }];
  if (model.at !== "running" || !leasesEnd) return [];
  const again = model.spent < maxAttempts;
  return [{ ...model, at: again ? "scheduled" : "failed", version: model.version + 1 }];
}

/** Whether `seen` may be the answer where `expected` is. */
export function fits(expected: Reply, seen: Reply): boolean {
  if (seen.type === "unsaid") return true;
  if (expected.type !== "job" || seen.type !== "job") return expected.type === seen.type;
  const { state, attempt, version } = seen.job;
  const { job } = expected;
  return state === job.state && attempt === job.attempt && (version ?? job.version) === job.version;
}

function changed(next: Live): { next: Model; reply: Reply } {
  return { next, reply: answerOf(next) };
}

function answerOf({ at, version, attempt }: Live): Reply {
  return { type: "job", job: { state: at, attempt, version } };
}
