import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DureError, type QueuedJob, type TargetJob } from "../../client/src/index.ts";
import { type ExampleHost, startExample } from "./example-host.ts";

let example: ExampleHost;

const MAILS = { target: { type: "worker", binding: "MAILER" } } as const;
const ORDERS = { target: { type: "queue", binding: "ORDERS" } } as const;
const wait = (id: string) => example.dure.wait(id, { timeoutSeconds: 30 });

beforeAll(async () => {
  example = await startExample(["targets"], {
    vars: { TARGET_BINDINGS: "MAILER:worker, ORDERS:queue, GONE:worker, ODD:worker" },
    others: [join(import.meta.dirname, "odd-results/wrangler.toml")],
    overlays: {
      "dure-processor": {
        services: {
          MAILER: { name: "dure-example-targets", entrypoint: "Mailer" },
          ODD: { name: "odd-results", entrypoint: "Odd" },
        },
        producers: { ORDERS: "dure-example-orders" },
      },
    },
  });
  await example.dure.queues.put("mails", { ...MAILS, retry: { delay: 0.1, maxAttempts: 3 }, timeout: 20 });
  await example.dure.queues.put("orders", ORDERS);
});
afterAll(() => example.stop());

async function kept(path: string): Promise<string | null> {
  const response = await example.fetch(path);
  return response.ok ? await response.text() : null;
}

it("the Worker is called with the job, and what it returns is the result", async () => {
  const sentAt = Date.now();
  const { id } = await example.dure.submit({ queue: "mails", payload: { to: "a@b.test" } });
  expect(await wait(id)).toMatchObject({ state: "succeeded", attempt: 1, result: { sentTo: "a@b.test" } });
  const { job } = JSON.parse((await kept(`/mails/${id}`)) ?? "{}") as { job: TargetJob };
  expect(job).toMatchObject({
    id,
    namespace: "default",
    queue: "mails",
    attempt: 1,
    delivery: 1,
    payload: { to: "a@b.test" },
    payloadText: '{"to":"a@b.test"}',
    checkpoint: null,
    checkpointText: null,
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
  });
  const leftMs = Date.parse(job.deadline) - sentAt;
  expect(leftMs).toBeGreaterThan(19_000);
  expect(leftMs).toBeLessThan(30_000);
});

it("what it throws fails the attempt, in its own words, and the job is tried again", async () => {
  const { id } = await example.dure.submit({ queue: "mails", payload: { to: "a@broken.test" } });
  expect(await wait(id)).toMatchObject({
    state: "failed",
    attempt: 3,
    error: { code: "worker-error", message: "Error: the mail server hung up", retryable: true },
  });
});

it("NonRetryable fails the job at once, and keeps its code", async () => {
  const { id } = await example.dure.submit({ queue: "mails", payload: { to: "a@gone.test" } });
  expect(await wait(id)).toMatchObject({
    state: "failed",
    attempt: 1,
    error: { code: "no-mailbox", retryable: false },
  });
});

it("a failure that it answers says whether and when to try again", async () => {
  const busy = await example.dure.submit({ queue: "mails", payload: { to: "a@busy.test" } });
  expect(await wait(busy.id)).toMatchObject({
    state: "succeeded",
    attempt: 2,
    attempts: [{ error: { code: "mail-server-busy", message: "451 try again later" } }, { outcome: "succeeded" }],
  });
  const final = await example.dure.submit({ queue: "mails", payload: {} });
  expect(await wait(final.id)).toMatchObject({
    state: "failed",
    attempt: 1,
    error: { code: "no-address", retryable: false },
  });
});

it("what it returns and JSON has no words for fails the job for good, and is pointed at", async () => {
  await example.dure.queues.put("odd", { target: { type: "worker", binding: "ODD" } });
  const found = {
    "a map": "Map",
    bytes: "Uint8Array at /file",
    "a stream": "ReadableStream",
    "an answer": "Response",
    "no number": "NaN at /rates/1",
    "a function": "function",
    "an object that stays here": "function",
    "one within": "function at /counter",
    "a function named toJSON": "function at /toJSON",
  };
  const failed = async ([payload, what]: [string, string]) => {
    const { id } = await example.dure.submit({ queue: "odd", payload });
    const error = { code: "result-not-json", message: `the result is not JSON: ${what}`, retryable: false };
    expect(await wait(id)).toMatchObject({ state: "failed", attempt: 1, error });
  };
  await Promise.all(Object.entries(found).map(failed));
  const { id } = await example.dure.submit({ queue: "odd", payload: "a date" });
  expect(await wait(id)).toMatchObject({ state: "succeeded", result: { at: "1970-01-01T00:00:00.000Z" } });
});

it("jobs go into the Queue, each with its payload to the digit, and have succeeded then", async () => {
  const payloads = Array.from({ length: 150 }, (_, i) => `{"order": ${i}, "cents": 9223372036854775807, "1": 0}`);
  const ids = await Promise.all(
    payloads.map(async (text) => {
      const response = await fetch(`${example.host.url}/v1/jobs`, {
        method: "POST",
        headers: { authorization: `Bearer ${example.key}`, "content-type": "application/json" },
        body: `{"queue": "orders", "payload": ${text}}`,
      });
      return ((await response.json()) as { id: string }).id;
    }),
  );
  const done = await Promise.all(ids.map(wait));
  expect(done.map(({ state, attempt, result }) => `${state} ${attempt} ${result}`)).toEqual(
    ids.map(() => "succeeded 1 null"),
  );
  await expect
    .poll(async () => (await Promise.all(ids.map((id) => kept(`/orders/${id}`)))).includes(null), { timeout: 30_000 })
    .toBe(false);
  const first = (await kept(`/orders/${ids[0]}`)) ?? "";
  expect(first).toContain(`"payload":${payloads[0]}}`);
  expect(JSON.parse(first) as QueuedJob).toMatchObject({
    id: ids[0],
    namespace: "default",
    queue: "orders",
    attempt: 1,
  });
});

it("a job that no message can hold fails for good, and says why", async () => {
  const { id } = await example.dure.submit({ queue: "orders", payload: { text: "x".repeat(128_000) } });
  expect(await wait(id)).toMatchObject({
    state: "failed",
    attempt: 1,
    error: { code: "message-too-large", message: expect.stringContaining("a Queue takes 127900"), retryable: false },
  });
});

it("a binding that is not listed, or leads elsewhere, is refused where it is named", async () => {
  for (const target of [
    { type: "worker", binding: "OTHER" },
    { type: "worker", binding: "ORDERS" },
    { type: "queue", binding: "MAILER" },
    { type: "queue", binding: "SHARD" },
  ] as const) {
    const refused = await example.dure.queues.put("refused", { target }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DureError);
    expect(refused).toMatchObject({
      status: 422,
      code: "binding-not-found",
      problem: { errors: [{ pointer: "/target/binding" }] },
    });
  }
});

it("a binding that is listed and not there fails each attempt, and says so", async () => {
  await example.dure.queues.put("gone", {
    target: { type: "worker", binding: "GONE" },
    retry: { delay: 0.05, maxAttempts: 2 },
  });
  const { id } = await example.dure.submit({ queue: "gone", payload: 1 });
  expect(await wait(id)).toMatchObject({
    state: "failed",
    attempt: 2,
    error: {
      code: "binding-not-found",
      message: "the processor has no service binding GONE that TARGET_BINDINGS lists",
    },
  });
});
