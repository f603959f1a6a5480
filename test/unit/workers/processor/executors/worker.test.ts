import { describe, expect, test } from "vitest";
import { isJson } from "../../../../../contract/json-text.ts";
import { MAX_RESULT_BYTES } from "../../../../../contract/limits.ts";
import type { Outcome } from "../../../../../contract/rpc.ts";
import type { TargetJob } from "../../../../../contract/target-job.ts";
import { parseTargetBindings } from "../../../../../domain/target-bindings.ts";
import { Bindings } from "../../../../../workers/processor/bindings.ts";
import { workerExecutor } from "../../../../../workers/processor/executors/worker.ts";
import { Stopper } from "../../../../../workers/processor/stopper.ts";
import { item } from "../../../../rigs/scripted-shard.ts";

const TARGET = { type: "worker", binding: "MAILER" } as const;
const DEADLINE = Date.UTC(2026, 10, 22, 18, 0, 0, 5);

/** What comes of a job in a Worker whose `process` does this. */
function run(process: (job: TargetJob) => unknown, over: Parameters<typeof item>[1] = {}): Promise<Outcome> {
  const MAILER = { fetch: () => undefined, process: async (job: TargetJob) => process(job) };
  const bindings = new Bindings({ MAILER }, parseTargetBindings("MAILER:worker"));
  const execute = workerExecutor({ bindings, spanId: () => "00f067aa0ba902b7" });
  return execute(item(1, { target: TARGET, ...over }), TARGET, new Stopper(undefined, DEADLINE));
}

const EMPTY = {};

function tower(levels: number, above: (below: unknown) => unknown, ground: unknown = []): unknown {
  let value = ground;
  for (let level = 1; level < levels; level++) value = above(value);
  return value;
}

/** The text of `tower(levels)` with one list on the other. */
function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

function undefineds(members: number): object {
  return Object.fromEntries(Array.from({ length: members }, (_, i) => [`${i}`, undefined]));
}

function circle(): object {
  const self: unknown[] = [];
  const around = { self };
  self.push(around);
  return around;
}

describe("the Worker", () => {
  test("is given the job, its texts as they were sent", async () => {
    const seen: TargetJob[] = [];
    await run((job) => void seen.push(job), {
      payload: '{"n": 9223372036854775807}',
      checkpoint: '{"at":1.0}',
      attempt: 3,
      delivery: 5,
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01",
    });
    expect(seen).toEqual([
      {
        id: "job-1",
        namespace: "default",
        queue: "q",
        attempt: 3,
        delivery: 5,
        payload: { n: 2 ** 63 },
        payloadText: '{"n": 9223372036854775807}',
        checkpoint: { at: 1 },
        checkpointText: '{"at":1.0}',
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        deadline: "2026-11-22T18:00:00.005Z",
      },
    ]);
  });

  test.each([
    ["an object", { a: 1 }, '{"a":1}'],
    ["null", null, null],
    ["nothing", undefined, null],
    ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["members that are undefined", { a: undefined, b: [undefined] }, '{"b":[null]}'],
    ["an object without a prototype", Object.assign(Object.create(null), { a: -1.5e300 }), '{"a":-1.5e+300}'],
    ["a member `toJSON` that is no function", { toJSON: "é\ud800" }, '{"toJSON":"é\\ud800"}'],
    ["one object in two places", [EMPTY, EMPTY], "[{},{}]"],
    ["as much as a result may have", "x".repeat(MAX_RESULT_BYTES - 2), `"${"x".repeat(MAX_RESULT_BYTES - 2)}"`],
  ])("succeeds with %s", async (_, answer, result) => {
    expect(await run(() => answer)).toEqual({ ok: true, result, resultTruncated: false });
  });

  test.each<[string, unknown]>([
    ["a long text", "x".repeat(MAX_RESULT_BYTES - 1)],
    ["a text that is long in UTF-8", "é".repeat(MAX_RESULT_BYTES / 2)],
    ["long names", Object.fromEntries([..."abcdef"].map((name) => [name.repeat(MAX_RESULT_BYTES / 6), null]))],
    ["what JSON would write a trillion times", tower(40, (below) => [below, below])],
    ["members without a value, a trillion of them", tower(40, (below) => [below, below], undefineds(100_000))],
    ["four thousand million places for nothing", new Array(2 ** 32 - 1)],
  ])("fails for good with what is too large: %s", async (_, answer) => {
    const message = "the result is larger than 262144 bytes";
    const error = { code: "result-too-large", message, retryable: false };
    expect(await run(() => answer)).toMatchObject({ ok: false, error });
  });

  test.each<[unknown, string]>([
    [{ n: 1n }, "bigint at /n"],
    [new Map([["a", 1]]), "Map"],
    [{ all: [0, new Set([1])] }, "Set at /all/1"],
    [new Response("x"), "Response"],
    [{ "a/b~c": new ReadableStream() }, "ReadableStream at /a~1b~0c"],
    [new Uint8Array(2), "Uint8Array"],
    [new Error("broke"), "Error"],
    [Object("boxed"), "String"],
    [Number.NaN, "NaN"],
    [{ rates: [1, Number.NEGATIVE_INFINITY] }, "-Infinity at /rates/1"],
    [{ at: new Date(Number.NaN) }, "invalid Date at /at"],
    [() => 1, "function"],
    [{ toJSON: () => 1 }, "function at /toJSON"],
    [circle(), "circle at /self/0"],
    [tower(513, (below) => [below]), `more than 512 levels at ${"/0".repeat(512)}`],
  ])("fails for good with what JSON has no words for: %#", async (answer, found) => {
    const message = `the result is not JSON: ${found}`.slice(0, 500);
    const error = { code: "result-not-json", message, retryable: false };
    expect(await run(() => answer)).toMatchObject({ ok: false, error });
  });

  test("may nest as deep as all that is kept", async () => {
    expect(await run(() => tower(512, (below) => [below]))).toMatchObject({ ok: true, result: nested(512) });
    expect([isJson(nested(512)), isJson(nested(513))]).toEqual([true, false]);
  });

  test.each<[string, (held: object) => unknown, boolean]>([
    ["a result", (held) => ({ a: 1, ...held }), true],
    ["what is no JSON", (held) => Object.assign(new Map(), held), false],
    ["a stub of an object there, which is a function here", (held) => Object.assign(() => undefined, held), false],
    ["a failure", (held) => ({ "dure-failure": {}, ...held }), false],
  ])("lets go of what the answer holds on the other side: %s", async (_, made, ok) => {
    let released = 0;
    const answer = made({ [Symbol.dispose]: () => void released++ });
    expect((await run(() => answer)).ok).toBe(ok);
    expect(released).toBe(1);
  });
});

describe("a failure", () => {
  const NON_RETRYABLE = Object.assign(new Error("no such mailbox"), { name: "NonRetryable", code: "no-mailbox" });

  test.each<[string, unknown, object]>([
    ["an error", new TypeError("broke"), { code: "worker-error", message: "TypeError: broke", retryable: true }],
    ["what is no error", "broke", { code: "worker-error", message: "broke", retryable: true }],
    ["NonRetryable", NON_RETRYABLE, { code: "no-mailbox", message: "NonRetryable: no such mailbox", retryable: false }],
    [
      "an error that says so",
      Object.assign(new Error("broke"), { retryable: false, code: "x\n" }),
      { code: "worker-error", retryable: false },
    ],
  ])("that is thrown: %s", async (_, thrown, error) => {
    const outcome = await run(() => {
      throw thrown;
    });
    expect(outcome).toMatchObject({ ok: false, error });
  });

  test.each<[object, object]>([
    [
      {},
      {
        error: { code: "worker-error", message: "the Worker answered with a failure", retryable: true },
        retryAfterMs: null,
      },
    ],
    [
      { code: "busy", message: "later", retryAfter: 1.5 },
      { error: { code: "busy", message: "later", retryable: true }, retryAfterMs: 1_500 },
    ],
    [{ retryAfter: 1e9 }, { retryAfterMs: 86_400_000 }],
    [{ retryAfter: -1 }, { retryAfterMs: null }],
    [{ retryAfter: Number.NaN }, { retryAfterMs: null }],
    [{ retryable: false, code: "é" }, { error: { code: "worker-error", retryable: false } }],
    [{ message: "x".repeat(600) }, { error: { message: "x".repeat(500) } }],
  ])("that is answered: %j", async (failure, expected) => {
    expect(await run(() => ({ "dure-failure": failure }))).toMatchObject({ ok: false, ...expected });
  });
});

test("without its binding the attempt fails, and another may find it", async () => {
  const execute = workerExecutor({ bindings: new Bindings({}, new Map()), spanId: () => "00f067aa0ba902b7" });
  expect(await execute(item(1), TARGET, new Stopper())).toMatchObject({
    ok: false,
    error: { code: "binding-not-found", retryable: true },
  });
});
