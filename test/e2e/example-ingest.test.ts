import { afterAll, beforeAll, expect, it } from "vitest";
import { type ExampleHost, startExample } from "./example-host.ts";

let example: ExampleHost;

beforeAll(async () => {
  example = await startExample(["ingest"]);
});
afterAll(() => example.stop());

const post = (orders: unknown) => example.fetch("/orders", { method: "POST", body: JSON.stringify(orders) });
const order = (n: number) => ({ number: `2026-${n}`, item: "rice", count: n });
const within = { timeout: 30_000, interval: 200 };

async function numbers(state: "succeeded" | undefined = undefined): Promise<string[]> {
  const options = { queue: "orders", include: ["payload" as const], ...(state === undefined ? {} : { state }) };
  const { items } = await example.dure.list(options);
  return items.map((job) => (job.payload as { number: string }).number).sort();
}

async function deadLetters(): Promise<{ reason: string; body: string }[]> {
  const database = await example.host.mf.getD1Database("DB", "dure-gateway");
  return (await database.prepare("SELECT reason, body FROM dead_letters").all<{ reason: string; body: string }>())
    .results;
}

it("an order for a queue that is not there is a dead letter, which says why", async () => {
  expect((await post(order(0))).status).toBe(202);
  await expect.poll(deadLetters, within).toHaveLength(1);
  const [letter] = await deadLetters();
  expect(letter?.reason).toMatch(/^queue-not-found: /);
  expect(JSON.parse(letter?.body ?? "")).toMatchObject({ type: "submit", job: { payload: order(0) } });
});

it("an order becomes a job, which runs and is read back", async () => {
  await example.dure.queues.put("orders", { target: { type: "handler", name: "noop" } });
  expect((await post(order(1))).status).toBe(202);
  await expect.poll(() => numbers("succeeded"), within).toEqual(["2026-1"]);
});

it("many orders come together, and one that is sent twice is one job", async () => {
  await post([order(1), order(2), order(3)]);
  await post(order(3));
  await expect.poll(() => numbers("succeeded"), within).toEqual(["2026-1", "2026-2", "2026-3"]);
  await post(order(4));
  await expect.poll(() => numbers("succeeded"), within).toEqual(["2026-1", "2026-2", "2026-3", "2026-4"]);
});
