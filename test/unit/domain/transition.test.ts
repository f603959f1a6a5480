import { describe, expect, test } from "vitest";
import { type DueAction, whatIsDue } from "../../../domain/due.ts";
import { FINAL_STATES, isFinal, JOB_STATES, type JobState, type RowState } from "../../../domain/job/state.ts";
import {
  fromStates,
  type JobEvent,
  type JobEventName,
  nextState,
  sqlStates,
  TRANSITIONS,
  transitionsFrom,
} from "../../../domain/job/transition.ts";
import { ACTS_ON } from "../../../domain/operation.ts";
import { type EventType, eventOf } from "../../../domain/subscription.ts";

type State = RowState | null;
const STATES: State[] = [null, ...JOB_STATES, "discarded"];
const NAMES = Object.keys(TRANSITIONS) as JobEventName[];

const no = null;
/** What each event makes of no job, scheduled, queued, running, succeeded, failed, cancelled, discarded. Null: illegal. */
const GRAPH: [event: JobEvent, after: State[]][] = [
  [{ type: "accept", later: false }, ["queued", no, no, no, no, no, no, no]],
  [{ type: "accept", later: true }, ["scheduled", no, no, no, no, no, no, no]],
  [{ type: "due" }, [no, "queued", no, no, no, no, no, no]],
  [{ type: "claim" }, [no, no, "running", no, no, no, no, no]],
  [{ type: "succeed" }, [no, no, no, "succeeded", no, no, no, no]],
  [{ type: "retry", later: false }, [no, no, no, "queued", no, no, no, no]],
  [{ type: "retry", later: true }, [no, no, no, "scheduled", no, no, no, no]],
  [{ type: "putBack", later: false }, [no, no, no, "queued", no, no, no, no]],
  [{ type: "putBack", later: true }, [no, no, no, "scheduled", no, no, no, no]],
  [{ type: "fail" }, [no, no, no, "failed", no, no, no, no]],
  [{ type: "expire" }, [no, "failed", "failed", no, no, no, no, no]],
  [{ type: "cancel" }, [no, "cancelled", "cancelled", "cancelled", no, no, no, no]],
  [{ type: "reject" }, [no, no, "cancelled", no, no, no, no, no]],
  [{ type: "redrive", later: false }, [no, no, no, no, no, "queued", "queued", no]],
  [{ type: "redrive", later: true }, [no, no, no, no, no, "scheduled", "scheduled", no]],
  [{ type: "replace", later: false }, [no, "queued", "queued", no, no, no, no, no]],
  [{ type: "replace", later: true }, [no, "scheduled", "scheduled", no, no, no, no, no]],
  [{ type: "discard" }, [no, no, no, no, "discarded", "discarded", "discarded", no]],
];

const wordsOf = (event: JobEvent) =>
  "later" in event ? `${event.type}${event.later ? " later" : " now"}` : event.type;

describe("the graph of states", () => {
  const cases = GRAPH.flatMap(([event, after]) =>
    STATES.map((state, i) => [wordsOf(event), state ?? "no job", event, state, after[i] ?? null] as const),
  );
  test.each(cases)("%s on %s", (_words, _state, event, state, expected) => {
    expect(nextState(state, event)).toBe(expected);
  });

  test("the table above has every event, and those with two ends twice", () => {
    const all = NAMES.flatMap((name) => ("later" in TRANSITIONS[name] ? [`${name} now`, `${name} later`] : [name]));
    expect(GRAPH.map(([event]) => wordsOf(event)).sort()).toEqual(all.sort());
  });

  test.each(STATES)("the edges out of %s are those that an event makes there", (state) => {
    const made = GRAPH.flatMap(([event]) => {
      const to = nextState(state, event);
      return to === null ? [] : [{ event: event.type, to }];
    });
    expect(transitionsFrom(state)).toEqual(made);
  });

  test("every state can be reached, and from every state but the last a job can come to an end", () => {
    const reached = (from: State[]): Set<State> => {
      const seen = new Set(from);
      // A set that grows while it is walked is walked to its new end.
      for (const state of seen) for (const { to } of transitionsFrom(state)) seen.add(to);
      return seen;
    };
    expect([...reached([null])].sort()).toEqual([...STATES].sort());
    for (const state of STATES) expect(reached([state]).has("discarded"), `${state}`).toBe(true);
  });

  test("a succeeded job is only ever deleted, and nothing brings a deleted one back", () => {
    expect(transitionsFrom("succeeded")).toEqual([{ event: "discard", to: "discarded" }]);
    expect(transitionsFrom("discarded")).toEqual([]);
  });

  test("an attempt begins by a claim, and only what ends one leads out of running", () => {
    const intoRunning = STATES.flatMap(transitionsFrom).filter(({ to }) => to === "running");
    expect(intoRunning.map(({ event }) => event)).toEqual(["claim"]);
    const out = new Set(transitionsFrom("running").map(({ event }) => event));
    expect([...out]).toEqual(["succeed", "retry", "putBack", "fail", "cancel"]);
  });
});

describe("who reads the graph", () => {
  test.each<[JobEventName, JobState[], string]>([
    ["due", ["scheduled"], "= 'scheduled'"],
    ["succeed", ["running"], "= 'running'"],
    ["expire", ["scheduled", "queued"], "IN ('scheduled', 'queued')"],
    ["cancel", ["scheduled", "queued", "running"], "IN ('scheduled', 'queued', 'running')"],
    ["redrive", ["failed", "cancelled"], "IN ('failed', 'cancelled')"],
    ["discard", ["succeeded", "failed", "cancelled"], "IN ('succeeded', 'failed', 'cancelled')"],
  ])("a statement that moves jobs by %s", (event, states, sql) => {
    expect(fromStates(event)).toEqual(states);
    expect(sqlStates(fromStates(event))).toBe(sql);
  });

  test("lists of states are in one order, so that conditions are written alike", () => {
    for (const name of NAMES) {
      const states = TRANSITIONS[name].from.filter((state): state is JobState => state !== null);
      expect(fromStates(name), name).toEqual(states);
    }
  });

  test("no statement asks for a state that there is not", () => {
    expect(fromStates("accept")).toEqual([]);
    expect(() => sqlStates(fromStates("accept"))).toThrow("names no state");
  });

  test("an operation acts on the states in which its event may happen", () => {
    expect(ACTS_ON).toEqual({
      cancel: ["scheduled", "queued", "running"],
      retry: ["failed", "cancelled"],
      delete: ["succeeded", "failed", "cancelled"],
    });
  });

  /** Whatever the clock finds late, it can do. */
  test.each(JOB_STATES)("what is due of a job that is %s may happen to it", (state) => {
    const does: Record<Exclude<DueAction, "none">, JobEventName[]> = {
      start: ["due"],
      expire: ["expire"],
      "lease-ended": ["retry", "fail"],
      "timed-out": ["retry", "fail"],
    };
    const times = [null, 1, 3].flatMap((expiresAt) => [null, 1, 3].map((ends) => ({ expiresAt, ends })));
    for (const { expiresAt, ends } of times) {
      const action = whatIsDue({ state, runAt: 1, expiresAt, leaseEndsAt: ends, attemptEndsAt: ends }, 2);
      const events = action === "none" ? [] : does[action];
      for (const event of events) expect(fromStates(event), `${action} of ${state}`).toContain(state);
    }
  });

  test("subscribers are told of each event by its name, and of none that changes nothing for them", () => {
    const told: Partial<Record<JobEventName, EventType>> = {
      claim: "job.started",
      succeed: "job.succeeded",
      retry: "job.retrying",
      putBack: "job.retrying",
      fail: "job.failed",
      expire: "job.failed",
      cancel: "job.cancelled",
      reject: "job.cancelled",
      redrive: "job.redriven",
    };
    for (const before of JOB_STATES) {
      for (const { event, to } of transitionsFrom(before)) {
        if (to === "discarded") continue;
        expect(eventOf(before, to), `${event} of a job that is ${before}`).toBe(told[event] ?? null);
      }
    }
  });
});

test.each([
  ["scheduled", false],
  ["queued", false],
  ["running", false],
  ["succeeded", true],
  ["failed", true],
  ["cancelled", true],
] as const)("%s is final: %s", (state, expected) => {
  expect(isFinal(state)).toBe(expected);
  expect((FINAL_STATES as readonly JobState[]).includes(state)).toBe(expected);
});
