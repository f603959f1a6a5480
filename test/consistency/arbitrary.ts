import fc from "fast-check";
import { BEFORE, type Call, drift, type Model, perform, type Reply, type Rules } from "./machine.ts";
import type { Operation } from "./operation.ts";

export const RULES: Rules = { maxAttempts: 2 };

const attempt = fc.integer({ min: 1, max: 3 });
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Call>({ type: "read" }) },
  { weight: 2, arbitrary: fc.constant<Call>({ type: "claim" }) },
  fc.constantFrom<Call>(
    { type: "submit" },
    { type: "submit", later: true },
    { type: "cancel" },
    { type: "retry" },
    { type: "remove" },
  ),
  fc.record({ type: fc.constant("succeed" as const), attempt }),
  fc.record({ type: fc.constant("fail" as const), attempt, retryable: fc.boolean() }),
);

interface Draft {
  call: Call;
  /** How long before the moment at which it happens the call begins, and after it is answered. */
  early: number;
  late: number;
  lost: boolean;
  drifts: boolean;
  session: string | undefined;
  level: Operation["level"];
}

function draft(longest: number): fc.Arbitrary<Draft> {
  const time = fc.integer({ min: 0, max: longest });
  return fc.record({
    call,
    early: time,
    late: time,
    lost: fc.boolean().map((lost) => lost && longest > 0),
    drifts: fc.boolean(),
    session: fc.constant(undefined),
    level: fc.constant("strong" as const),
  });
}

/**
 * A history that happened: calls one after the other, each answered as the job then was, each begun some moments earlier
 * and answered some moments later. `longest` 0: one at a time, none of them lost.
 */
export function happened(longest: number, [least, most] = [2, 12]): fc.Arbitrary<Operation[]> {
  return fc.array(draft(longest), { minLength: least, maxLength: most }).map((drafts) => {
    const submitted: Draft = {
      call: { type: "submit" },
      early: 0,
      late: 0,
      lost: false,
      drifts: false,
      session: undefined,
      level: "strong",
    };
    return inTime([submitted, ...drafts]);
  });
}

function inTime(drafts: Draft[]): Operation[] {
  let model: Model = BEFORE;
  return drafts.map(({ call: made, early, late, lost, drifts, level }, i) => {
    if (drifts) model = drift(model, RULES)[0] ?? model;
    const { next, reply } = perform(model, made, RULES);
    model = next;
    const [invokedAt, returnedAt] = timesOf(i, { early, late });
    return {
      call: made,
      invokedAt,
      returnedAt: lost ? Number.POSITIVE_INFINITY : returnedAt,
      reply: lost ? null : reply,
      level,
    };
  });
}

/** The `i`-th happens at 10 i. No two times are the same. */
function timesOf(i: number, { early, late }: { early: number; late: number }): [number, number] {
  const at = 10 * i;
  const place = (i + 1) / 1_000;
  return [at - 10 * early - 2 - place, at + 10 * late + 2 + place];
}

/** Replies of all kinds to calls at all times: most such histories cannot have happened. */
export function whatever(most: number): fc.Arbitrary<Operation[]> {
  const told = fc.record({
    state: fc.constantFrom("scheduled", "queued", "running", "failed", "cancelled") as fc.Arbitrary<never>,
    attempt: fc.integer({ min: 0, max: 2 }),
  });
  const reply: fc.Arbitrary<Reply | null> = fc.oneof(
    { weight: 4, arbitrary: told.map((job): Reply => ({ type: "job", job })) },
    fc.constantFrom<Reply | null>({ type: "absent" }, { type: "refused" }, { type: "done" }, { type: "unsaid" }, null),
  );
  const one = fc.record({
    draft: draft(2),
    // Mostly the right one.
    reply: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, reply),
    session: fc.constantFrom("s1", "s2", undefined),
    relaxed: fc.boolean(),
  });
  return fc.array(one, { minLength: 1, maxLength: most }).map((all) => {
    const submitted = { call: { type: "submit" } as const, early: 0, late: 0, lost: false, drifts: false };
    const right = inTime([
      { ...submitted, session: undefined, level: "strong" },
      ...all.map((each) => ({ ...each.draft, lost: false })),
    ]);
    const told = all.map((each, i): Operation => {
      const operation = right[i + 1] as Operation;
      const answer = each.reply === undefined ? operation.reply : each.reply;
      const level = each.relaxed && each.session !== undefined && operation.call.type === "read" ? "session" : "strong";
      return {
        ...operation,
        reply: answer,
        returnedAt: answer === null ? Number.POSITIVE_INFINITY : operation.returnedAt,
        level,
        ...(each.session === undefined ? {} : { session: each.session }),
      };
    });
    return [right[0] as Operation, ...oneAtATime(told)];
  });
}

/** A session makes one call after the other: calls of it that overlap are no session's. */
function oneAtATime(operations: Operation[]): Operation[] {
  const until = new Map<string, number>();
  return [...operations]
    .sort((a, b) => a.invokedAt - b.invokedAt)
    .map((operation) => {
      const { session, ...rest } = operation;
      if (session === undefined) return operation;
      if (operation.invokedAt < (until.get(session) ?? Number.NEGATIVE_INFINITY)) return { ...rest, level: "strong" };
      until.set(session, operation.returnedAt);
      return operation;
    });
}
