import { describe, expect, test } from "vitest";
import type { WorkItem } from "../../../../../contract/rpc.ts";
import { parseTargetBindings } from "../../../../../domain/target-bindings.ts";
import { Bindings } from "../../../../../workers/processor/bindings.ts";
import { MAX_MESSAGE_BYTES, queueExecutor } from "../../../../../workers/processor/executors/queue.ts";
import { Stopper } from "../../../../../workers/processor/stopper.ts";
import { item } from "../../../../rigs/scripted-shard.ts";

const TARGET = { type: "queue", binding: "OUT" } as const;

interface Sent {
  body: string;
  contentType: string;
}

/** An executor over a Queue that answers each call like this, and the calls it has had. */
function rig(answer: (call: number) => Promise<void> = async () => undefined) {
  const calls: Sent[][] = [];
  const OUT = {
    sendBatch: (messages: Sent[]) => {
      calls.push(messages);
      return answer(calls.length - 1);
    },
  };
  const bindings = new Bindings({ OUT }, parseTargetBindings("OUT:queue"));
  const execute = queueExecutor({ bindings, spanId: () => "00f067aa0ba902b7" });
  const send = (job: WorkItem, control = new Stopper()) => execute(job, TARGET, control);
  return { calls, send };
}

const job = (number: number, payload = "{}") =>
  item(number, { id: `job_0000000000000000000000000${number % 10}`, payload });

describe("a message", () => {
  test("is the text of the job, its payload as it was sent", async () => {
    const { calls, send } = rig();
    const outcome = await send(
      item(1, {
        payload: '{"n": 1e400}',
        attempt: 2,
        delivery: 4,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01",
      }),
    );
    expect(outcome).toEqual({ ok: true, result: null, resultTruncated: false });
    const head = '"id":"job-1","namespace":"default","queue":"q","attempt":2,"delivery":4';
    const trace = '"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"';
    expect(calls).toEqual([[{ body: `{${head},${trace},"payload":{"n": 1e400}}`, contentType: "text" }]]);
  });

  test("that is larger than a Queue takes is not sent, and its job fails for good", async () => {
    const { calls, send } = rig();
    const bodyBytes = async (payload: string) => {
      await send(item(1, { payload }));
      return new TextEncoder().encode(calls.at(-1)?.[0]?.body ?? "").length;
    };
    const around = (await bodyBytes('""')) - 2;
    const most = `"${"가".repeat(Math.floor((MAX_MESSAGE_BYTES - around - 2) / 3))}"`;
    expect(await bodyBytes(most)).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    const sent = calls.length;
    expect(await send(item(1, { payload: `${most.slice(0, -1)}가"` }))).toMatchObject({
      ok: false,
      error: { code: "message-too-large", retryable: false },
    });
    expect(calls).toHaveLength(sent);
  });
});

describe("messages", () => {
  test("of jobs that start together are one call, a hundred at most", async () => {
    const { calls, send } = rig();
    await Promise.all(Array.from({ length: 101 }, (_, i) => send(job(i))));
    expect(calls.map((batch) => batch.length)).toEqual([100, 1]);
  });

  test("are no more in a call than a Queue takes", async () => {
    const { calls, send } = rig();
    const large = `"${"x".repeat(100_000)}"`;
    await Promise.all(Array.from({ length: 5 }, (_, i) => send(job(i, large))));
    expect(calls.map((batch) => batch.length)).toEqual([2, 2, 1]);
  });

  test("that come while a call is under way go with the next", async () => {
    let release: () => void = () => undefined;
    const { calls, send } = rig((call) =>
      call === 0 ? new Promise((resolve) => (release = resolve)) : Promise.resolve(),
    );
    const first = send(job(1));
    await Promise.resolve();
    await Promise.resolve();
    const others = [send(job(2)), send(job(3))];
    expect(calls.map((batch) => batch.length)).toEqual([1]);
    release();
    await Promise.all([first, ...others]);
    expect(calls.map((batch) => batch.length)).toEqual([1, 2]);
  });

  test("of jobs that nobody wants any more stay behind", async () => {
    const { calls, send } = rig();
    const stopped = new Stopper();
    void send(job(1), stopped);
    stopped.stop();
    await send(job(2));
    expect(calls.flat().map(({ body }) => body.includes(job(1).id))).toEqual([false]);
  });
});

test.each([
  ["an error fails the attempts", "Internal error", undefined, null],
  ["a Queue that is asked too often defers them", "Queue sendBatch failed: Too Many Requests", "deferred", 1_000],
])("%s", async (_, message, putBack, retryAfterMs) => {
  const { send } = rig(() => Promise.reject(new Error(message)));
  const [outcome] = await Promise.all([send(job(1)), send(job(2))]);
  expect(outcome).toMatchObject({ ok: false, error: { code: "queue-error", retryable: true }, retryAfterMs });
  expect("putBack" in outcome ? outcome.putBack : undefined).toBe(putBack);
});

test("a failed call is that of its own messages alone", async () => {
  const { send } = rig((call) => (call === 0 ? Promise.reject(new Error("once")) : Promise.resolve()));
  expect(await send(job(1))).toMatchObject({ ok: false });
  expect(await send(job(2))).toMatchObject({ ok: true });
});

test("without its binding the attempt fails, and another may find it", async () => {
  const execute = queueExecutor({ bindings: new Bindings({}, new Map()), spanId: () => "00f067aa0ba902b7" });
  expect(await execute(item(1), TARGET, new Stopper())).toMatchObject({
    ok: false,
    error: { code: "binding-not-found", retryable: true },
  });
});
