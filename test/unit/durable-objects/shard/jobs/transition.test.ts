import { beforeEach, describe, expect, test } from "vitest";
import { JOB_STATES, type JobState } from "../../../../../domain/job/state.ts";
import { nextState, TRANSITIONS } from "../../../../../domain/job/transition.ts";
import type { JobChange, JobListener, SingleEvent } from "../../../../../durable-objects/shard/jobs/job-change.ts";
import { JOBS } from "../../../../../durable-objects/shard/jobs/job-store.ts";
import { ANY_PROGRESS, PROGRESS } from "../../../../../durable-objects/shard/jobs/progress-store.ts";
import { transition } from "../../../../../durable-objects/shard/jobs/transition.ts";
import { Engine } from "../../../../../durable-objects/shard/kernel/engine.ts";
import type { Subsystem } from "../../../../../durable-objects/shard/kernel/subsystem.ts";
import { SUBSYSTEMS } from "../../../../../durable-objects/shard/subsystems.ts";
import { DAY, Harness } from "../../../../rigs/shard-harness.ts";

type Event = Exclude<SingleEvent, "discard">;

const EVENTS: Event[] = ["due", "retry", "putBack", "fail", "expire", "cancel", "reject", "redrive", "replace"];
const PAIRS = EVENTS.flatMap((event) => JOB_STATES.map((state): [Event, JobState] => [event, state]));

let h: Harness;

beforeEach(() => {
  h = new Harness();
});

/** The only job of the shard, in `state`. */
function jobIn(state: JobState): string {
  const id = h.accept(state === "scheduled" ? { delayMs: DAY } : {});
  if (state === "running" || state === "succeeded" || state === "failed") {
    const { lease } = h.takeOne();
    if (state === "succeeded") h.succeed(lease);
    if (state === "failed") h.fail(lease, { retryable: false });
  }
  if (state === "cancelled") h.cancel(id);
  expect(h.state(id)).toBe(state);
  return id;
}

/** The shard started again over its rows, with one subsystem more, and without those that act outside of steps. */
function restartedWith(added: Subsystem): Engine {
  const ports = { sql: h.sql, now: () => h.now, random: () => 0.5, setAlarm: () => undefined };
  return new Engine(h.name, ports, [...SUBSYSTEMS.filter(({ afterStep }) => afterStep === undefined), added]);
}

function happens(engine: Engine, id: string, type: Event): void {
  engine.step((step) => {
    const row = step.get(JOBS).head(id);
    const ended = type === "fail" || type === "expire";
    const set = ended ? { error: JSON.stringify({ code: "planted", message: "planted" }) } : {};
    if (row !== null) transition(step, row, { type, later: false, set });
  });
}

describe("a transition", () => {
  test.each(PAIRS)("%s of a job that is %s follows the graph, or changes nothing", (type, state) => {
    const id = jobIn(state);
    const { engine } = h.core;
    const before = engine.get(JOBS).head(id);
    const next = nextState(state, { type, later: false });
    if (next === null) {
      expect(() => happens(engine, id, type)).toThrow(`${id} is ${state}: ${type} is no edge of the graph`);
      expect(engine.get(JOBS).head(id)).toEqual(before);
    } else {
      happens(engine, id, type);
      expect(engine.get(JOBS).head(id)).toMatchObject({ state: next, version: (before?.version ?? 0) + 1 });
    }
  });

  test("is tried for every event of single jobs", () => {
    const many = ["accept", "claim", "succeed"];
    expect([...EVENTS, "discard", ...many].sort()).toEqual(Object.keys(TRANSITIONS).sort());
  });
});

describe("a listener", () => {
  const told: string[] = [];
  const listening = (interest: Omit<JobListener, "onChange">) => {
    told.length = 0;
    const onChange = (_: unknown, { event, jobs }: JobChange) => void told.push(`${event} ${jobs.length}`);
    const added = { name: "listening", jobs: { ...interest, onChange } };
    return restartedWith(added);
  };

  test("is told of the events it names, in the step, and of no other", () => {
    const id = jobIn("queued");
    const engine = listening({ on: ["cancel"] });
    happens(engine, id, "cancel");
    happens(engine, id, "redrive");
    expect(told).toEqual(["cancel 1"]);
  });

  test("of a key is told of jobs that have it", () => {
    const [plain, keyed] = [h.accept(), h.accept({ orderingKey: "k" })];
    const engine = listening({ on: ["cancel"], key: "ordering_key" });
    happens(engine, plain, "cancel");
    expect(told).toEqual([]);
    happens(engine, keyed, "cancel");
    expect(told).toEqual(["cancel 1"]);
  });

  test("that waits for rows is told once a step has committed that wrote one", () => {
    const id = jobIn("queued");
    const engine = listening({ on: ["cancel", "redrive"], whileAny: ANY_PROGRESS });
    happens(engine, id, "cancel");
    expect(told).toEqual([]);
    engine.step((step) => step.get(PROGRESS).save(id, { percent: 1 }, step.now));
    happens(engine, id, "redrive");
    expect(told).toEqual(["redrive 1"]);
  });

  test("that throws undoes the transition", () => {
    const id = jobIn("queued");
    const fails = () => {
      throw new Error("planted");
    };
    const added = { name: "failing", jobs: { on: ["cancel"], onChange: fails } satisfies JobListener };
    const engine = restartedWith(added);
    expect(() => happens(engine, id, "cancel")).toThrow("planted");
    expect(engine.get(JOBS).head(id)?.state).toBe("queued");
  });
});
