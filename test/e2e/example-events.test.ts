import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { LifecycleEvent } from "../../client/src/index.ts";
import { type ExampleHost, startExample } from "./example-host.ts";

let example: ExampleHost;
let subscriber: Server;
/** What the HTTP subscriber got, and what it answers. */
const got: { event: LifecycleEvent; body: string; headers: Record<string, string> }[] = [];
let answers: (event: LifecycleEvent) => number = () => 204;

const EVENTS = [
  "job.accepted",
  "job.started",
  "job.retrying",
  "job.succeeded",
  "job.failed",
  "job.cancelled",
  "job.redriven",
] as const;

beforeAll(async () => {
  subscriber = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const event = JSON.parse(body) as LifecycleEvent;
      got.push({ event, body, headers: request.headers as Record<string, string> });
      response.writeHead(answers(event)).end();
    });
  });
  await new Promise<void>((listening) => subscriber.listen(0, "127.0.0.1", listening));
  example = await startExample(["events"], {
    overlays: { "dure-processor": { producers: { OUT: "dure-example-events" } } },
  });
  await example.dure.queues.put("texts", { target: { type: "handler", name: "wordcount" } });
  await example.dure.subscriptions.put("board", { events: [...EVENTS], target: { type: "queue", binding: "OUT" } });
  const url = `http://127.0.0.1:${(subscriber.address() as AddressInfo).port}/`;
  await example.dure.subscriptions.put("hook", { events: [...EVENTS], target: { type: "http", url } });
});
afterAll(async () => {
  await example.stop();
  subscriber.closeAllConnections();
  await new Promise((closed) => subscriber.close(closed));
});

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await read();
    if (holds(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function board(id: string): Promise<LifecycleEvent | null> {
  const response = await example.fetch(`/jobs/${id}`);
  return response.ok ? ((await response.json()) as LifecycleEvent) : null;
}

const typesOf = (id: string) => got.filter(({ event }) => event.job.id === id).map(({ event }) => event.type);

it("the example's Worker knows of a job's end without asking Dure", async () => {
  const { id } = await example.dure.submit({ queue: "texts", payload: { text: "one two" }, tags: ["a"] });
  const event = await until(
    () => board(id),
    (seen) => seen?.type === "job.succeeded",
  );
  expect(event).toMatchObject({
    type: "job.succeeded",
    subscription: "board",
    job: { id, queue: "texts", state: "succeeded", attempt: 1, version: 3, tags: ["a"], error: null },
  });
});

it("many jobs: each is told to its end, to both subscribers, in order and signed", async () => {
  const jobs = Array.from({ length: 100 }, (_, i) => ({ queue: "texts", payload: { text: `text ${i}` } }));
  const { items } = await example.dure.submitBatch({ atomic: false, jobs });
  const ids = items.map((item) => ("id" in item ? item.id : ""));
  const delivery = async () => {
    const views = await Promise.all(["board", "hook"].map((name) => example.dure.subscriptions.get(name)));
    return views.map((view) => view.delivery);
  };
  await Promise.all(ids.map((id) => example.dure.wait(id, { timeoutSeconds: 30 })));
  const states = await until(delivery, (views) => views.every(({ pending }) => pending === 0));
  expect(states).toMatchObject([
    { pending: 0, failures: 0, dropped: 0 },
    { pending: 0, failures: 0, dropped: 0 },
  ]);
  for (const id of ids) expect(typesOf(id)).toEqual(["job.accepted", "job.started", "job.succeeded"]);
  const seen = await until(
    () => Promise.all(ids.map(board)),
    (events) => events.every((event) => event?.type === "job.succeeded"),
  );
  expect(seen.map((event) => event?.type)).toEqual(ids.map(() => "job.succeeded"));
  const response = await fetch(`${example.host.url}/v1/webhook-secret`, {
    headers: { authorization: `Bearer ${example.key}` },
  });
  const { current } = (await response.json()) as { current: string };
  for (const { body, headers } of got) new Webhook(current).verify(body, headers);
});

it("a subscriber that fails hears of it again, and of nothing behind it before", async () => {
  let failures = 2;
  answers = ({ type }) => (type === "job.accepted" && failures-- > 0 ? 503 : 204);
  const { id } = await example.dure.submit({ queue: "texts", payload: { text: "again" } });
  await until(
    async () => typesOf(id),
    (types) => types.includes("job.succeeded"),
  );
  expect(typesOf(id)).toEqual(["job.accepted", "job.accepted", "job.accepted", "job.started", "job.succeeded"]);
});
