import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobState } from "../../../domain/job/state.ts";
import { happened, RULES, whatever } from "../../consistency/arbitrary.ts";
import { couldHaveHappened } from "../../consistency/by-force.ts";
import { linearize } from "../../consistency/linearizability.ts";
import type { Call, Reply } from "../../consistency/machine.ts";
import type { Operation } from "../../consistency/operation.ts";

type Line = [from: number, to: number, call: Call | Call["type"], reply: Reply | "?" | "refused" | "absent" | string];

/** `queued/0`, `running/1`: state and attempt. */
function job(text: string): Reply {
  const [state, attempt, version] = text.split("/");
  const told = { state: state as JobState, attempt: Number(attempt) };
  return { type: "job", job: version === undefined ? told : { ...told, version: Number(version) } };
}

function operations(...lines: Line[]): Operation[] {
  return lines.map(([invokedAt, returnedAt, call, reply]): Operation => {
    const answer = typeof reply !== "string" ? reply : /\//.test(reply) ? job(reply) : replyNamed(reply);
    return {
      call: typeof call === "string" ? ({ type: call } as Call) : call,
      invokedAt,
      returnedAt: answer === null ? Number.POSITIVE_INFINITY : returnedAt,
      reply: answer,
      level: "strong",
    };
  });
}

function replyNamed(name: string): Reply | null {
  return name === "?" ? null : ({ type: name } as Reply);
}

const SUBMIT: Line = [0, 1, "submit", "queued/0"];
const FAIL_1: Call = { type: "fail", attempt: 1, retryable: false };
const SUCCEED_1: Call = { type: "succeed", attempt: 1 };

describe("a history that can have happened is accepted", () => {
  it.each<[string, Operation[]]>([
    ["one call after the other", operations(SUBMIT, [2, 3, "read", "queued/0"], [4, 5, "claim", "running/1"])],
    [
      "two reads during a claim, old and new",
      operations(SUBMIT, [2, 9, "claim", "running/1"], [3, 4, "read", "queued/0"], [5, 6, "read", "running/1"]),
    ],
    [
      "of two cancels at once one is refused",
      operations(SUBMIT, [2, 5, "cancel", "cancelled/0"], [3, 4, "cancel", "refused"]),
    ],
    ["a lost claim has happened", operations(SUBMIT, [2, 3, "claim", "?"], [4, 5, "read", "running/1"])],
    ["a lost claim has not happened", operations(SUBMIT, [2, 3, "claim", "?"], [4, 5, "read", "queued/0"])],
    [
      "a lost claim happens later",
      operations(SUBMIT, [2, 3, "claim", "?"], [4, 5, "read", "queued/0"], [6, 7, "read", "running/1"]),
    ],
    [
      "a lost submission is found, and sent again",
      operations(
        [0, 1, "submit", "?"],
        [2, 3, "read", "absent"],
        [4, 5, "submit", "queued/0"],
        [6, 7, "submit", "queued/0"],
      ),
    ],
    [
      "a delayed job becomes due",
      operations([0, 1, { type: "submit", later: true }, "scheduled/0"], [2, 3, "read", "queued/0/2"]),
    ],
    [
      "cancelled and retried, again and again",
      operations(
        SUBMIT,
        [2, 3, "cancel", "cancelled/0"],
        [4, 5, "retry", "queued/0"],
        [6, 7, "cancel", "cancelled/0"],
        [8, 9, "read", "cancelled/0/4"],
      ),
    ],
    [
      "failed for good, retried, and then the attempts go on",
      operations(
        SUBMIT,
        [2, 3, "claim", "running/1"],
        [4, 5, FAIL_1, "failed/1"],
        [6, 7, "retry", "queued/1"],
        [8, 9, "claim", "running/2"],
      ),
    ],
    [
      "removed, and nobody finds it",
      operations(SUBMIT, [2, 3, "cancel", "cancelled/0"], [4, 5, "remove", "done"], [6, 7, "read", "absent"]),
    ],
  ])("%s", (_, history) => {
    expect(linearize(history, RULES)).toMatchObject({ ok: true });
  });

  it("whatever it is, and however its calls overlap", () => {
    const property = fc.property(happened(3, [2, 16]), (history) => linearize(history, RULES).ok);
    fc.assert(property, { numRuns: 2_000, seed: 1 });
  });
});

describe("a history that cannot have happened is refused", () => {
  it.each<[string, Operation[]]>([
    ["a stale read", operations(SUBMIT, [2, 3, "claim", "running/1"], [4, 5, "read", "queued/0"])],
    [
      "a read that goes back, while the write is under way",
      operations(SUBMIT, [2, 9, "claim", "running/1"], [3, 4, "read", "running/1"], [5, 6, "read", "queued/0"]),
    ],
    [
      "a lost update: two cancels succeed",
      operations(SUBMIT, [2, 5, "cancel", "cancelled/0"], [3, 4, "cancel", "cancelled/0"]),
    ],
    [
      "a lost update: cancelled, and it succeeds all the same",
      operations(
        SUBMIT,
        [2, 3, "claim", "running/1"],
        [4, 5, "cancel", "cancelled/1"],
        [6, 7, SUCCEED_1, "succeeded/1"],
      ),
    ],
    [
      "two workers have the same attempt",
      operations(SUBMIT, [2, 5, "claim", "running/1"], [3, 4, "claim", "running/1"]),
    ],
    [
      "a report that counts twice",
      operations(
        SUBMIT,
        [2, 3, "claim", "running/1"],
        [4, 7, SUCCEED_1, "succeeded/1"],
        [5, 6, SUCCEED_1, "succeeded/1"],
      ),
    ],
    [
      "a write that takes effect twice: one retry for two cancels",
      operations(SUBMIT, [2, 3, "cancel", "cancelled/0"], [4, 5, "retry", "queued/0"], [6, 7, "read", "cancelled/0"]),
    ],
    [
      "a lost call that happens twice",
      operations(
        SUBMIT,
        [2, 3, "claim", "?"],
        [4, 5, "read", "running/1"],
        [6, 7, FAIL_1, "failed/1"],
        [8, 9, "retry", "queued/1"],
        [10, 11, "read", "running/2"],
      ),
    ],
    ["a read of the future", operations(SUBMIT, [2, 3, "read", "running/1"], [4, 5, "claim", "running/1"])],
    ["a job before it was submitted", operations([0, 1, "read", "queued/0"], [2, 3, "submit", "queued/0"])],
    ["an accepted job that is not there", operations(SUBMIT, [2, 3, "read", "absent"])],
    [
      "a removed job that comes back",
      operations(SUBMIT, [2, 3, "cancel", "cancelled/0"], [4, 5, "remove", "done"], [6, 7, "read", "cancelled/0"]),
    ],
    ["a refusal of what nothing forbids", operations(SUBMIT, [2, 3, "cancel", "refused"])],
    ["an attempt too many", operations(SUBMIT, [2, 3, "claim", "running/2"])],
    [
      "the version of another change",
      operations(SUBMIT, [2, 3, "cancel", "cancelled/0"], [4, 5, "read", "cancelled/0/4"]),
    ],
  ])("%s", (_, history) => {
    const verdict = linearize(history, RULES);
    expect(verdict).toMatchObject({ ok: false });
    expect(verdict.ok ? [] : verdict.stuck).not.toEqual([]);
  });

  /** What was told last in a history without overlaps is so: any other answer to one more read is wrong. */
  const changes: [string, (read: Reply & { type: "job" }, version: number) => Reply][] = [
    ["an older version", (read, version) => ({ ...read, job: { ...read.job, version: version - 1 } })],
    ["a newer version", (read, version) => ({ ...read, job: { ...read.job, version: version + 1 } })],
    ["another attempt", (read) => ({ ...read, job: { ...read.job, attempt: read.job.attempt + 1 } })],
    ["none at all", () => ({ type: "absent" })],
    ["a refusal", () => ({ type: "refused" })],
  ];
  it.each(changes)("one that happened, whose last read is told %s", (_, change) => {
    let refused = 0;
    const property = fc.property(happened(0), (history) => {
      const end = lastRead(history);
      fc.pre(end !== null);
      const { reply, at } = end as { reply: Reply & { type: "job" }; at: number };
      const wrong = change(reply, reply.job.version ?? 0);
      // A scheduled job that has become due meanwhile has a newer version indeed.
      fc.pre(reply.job.state !== "scheduled");
      const told = (last: Reply): Operation[] => [
        ...history,
        { call: { type: "read" }, invokedAt: at, returnedAt: at + 1, reply: last, level: "strong" },
      ];
      refused += 1;
      return linearize(told(reply), RULES).ok && !linearize(told(wrong), RULES).ok;
    });
    fc.assert(property, { numRuns: 500, seed: 2 });
    expect(refused).toBeGreaterThan(100);
  });
});

function lastRead(history: Operation[]): { reply: Reply & { type: "job" }; at: number } | null {
  const last = history.findLast(({ reply }) => reply?.type === "job");
  const after = history.findLastIndex(({ reply }) => reply?.type === "job");
  const removed = history.slice(after + 1).some(({ reply }) => reply?.type === "done");
  if (last?.reply?.type !== "job" || removed) return null;
  return { reply: last.reply, at: (history.at(-1)?.returnedAt ?? 0) + 1 };
}

it("the verdict is the one that trying every order gives", () => {
  const verdicts = { yes: 0, no: 0 };
  const property = fc.property(whatever(6), (history) => {
    const expected = couldHaveHappened(history, RULES);
    verdicts[expected ? "yes" : "no"] += 1;
    return linearize(history, RULES).ok === expected;
  });
  fc.assert(property, { numRuns: 5_000, seed: 3 });
  expect(Math.min(verdicts.yes, verdicts.no)).toBeGreaterThan(500);
});

it("a hundred calls with twenty under way at a time are judged at once", () => {
  const property = fc.property(happened(20, [80, 100]), (history) => linearize(history, RULES).ok);
  fc.assert(property, { numRuns: 50, seed: 4 });
});
