import { describe, expect, test } from "vitest";
import { isFinal, JOB_STATES, type JobEvent, type JobState, nextState } from "../../domain/job.ts";

/** What each event makes of scheduled, queued, running, succeeded, failed, cancelled. Null: illegal. */
const GRAPH: [name: string, event: JobEvent, after: (JobState | null)[]][] = [
  ["due", { type: "due" }, ["queued", null, null, null, null, null]],
  ["claim", { type: "claim" }, [null, "running", null, null, null, null]],
  ["succeed", { type: "succeed" }, [null, null, "succeeded", null, null, null]],
  ["fail, attempts left", { type: "fail", again: true }, [null, null, "scheduled", null, null, null]],
  ["fail, none left", { type: "fail", again: false }, [null, null, "failed", null, null, null]],
  ["expire", { type: "expire" }, ["failed", "failed", null, null, null, null]],
  ["cancel", { type: "cancel" }, ["cancelled", "cancelled", "cancelled", null, null, null]],
  ["redrive now", { type: "redrive", later: false }, [null, null, null, null, "queued", "queued"]],
  ["redrive later", { type: "redrive", later: true }, [null, null, null, null, "scheduled", "scheduled"]],
];

describe("the state graph", () => {
  const cases = GRAPH.flatMap(([name, event, after]) =>
    JOB_STATES.map((state, i) => [state, name, event, after[i] ?? null] as const),
  );
  test.each(cases)("%s on %s", (state, _name, event, expected) => {
    expect(nextState(state, event)).toBe(expected);
  });

  test("nothing moves a succeeded job", () => {
    expect(GRAPH.map(([, event]) => nextState("succeeded", event)).every((after) => after === null)).toBe(true);
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
  });
});
