import { describe, expect, test } from "vitest";
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
    ["what JSON leaves out", () => undefined, null],
    ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])("succeeds with %s", async (_, answer, result) => {
    expect(await run(() => answer)).toEqual({ ok: true, result, resultTruncated: false });
  });

  test.each([
    ["what is too large", "x".repeat(MAX_RESULT_BYTES), "result-too-large"],
    ["what JSON has no words for", { n: 1n }, "result-not-json"],
  ])("fails for good with %s", async (_, answer, code) => {
    expect(await run(() => answer)).toMatchObject({ ok: false, error: { code, retryable: false } });
  });

  test("lets go of what the answer holds on the other side", async () => {
    let released = 0;
    const answer = { a: 1, [Symbol.dispose]: () => void released++ };
    expect(await run(() => answer)).toMatchObject({ ok: true, result: '{"a":1}' });
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
