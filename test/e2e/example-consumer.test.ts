import { createHash } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ExampleHost, startExample } from "./example-host.ts";

let example: ExampleHost;
let pages: Server;
/** What the server of the pages does, by path. */
const behaviour = new Map<string, (response: ServerResponse) => void>();
const asked: string[] = [];

const CONSUMED = { target: { type: "consumer" }, lane: "bulk" } as const;
const status = (code: number) => (response: ServerResponse) => response.writeHead(code).end();
const pageUrl = (path: string) => `http://127.0.0.1:${(pages.address() as AddressInfo).port}${path}`;
const wait = (id: string) => example.dure.wait(id, { timeoutSeconds: 30 });

beforeAll(async () => {
  pages = createServer(({ url = "" }, response) => {
    asked.push(url);
    (behaviour.get(url) ?? status(200))(response);
  });
  await new Promise<void>((listening) => pages.listen(0, "127.0.0.1", listening));
  // A Queue has one consumer: the lane is taken off the processor.
  example = await startExample(["consumer"], { overlays: { "dure-processor": { consumers: { "dure-bulk": null } } } });
  await example.dure.queues.put("digests", CONSUMED);
  await example.dure.queues.put("links", { ...CONSUMED, retry: { delay: 0.1, maxAttempts: 3 } });
});
afterAll(async () => {
  await example.stop();
  pages.closeAllConnections();
  await new Promise((closed) => pages.close(closed));
});

it("jobs run in the example's Worker, many of them once each", async () => {
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  const jobs = texts.map((text) => ({ queue: "digests", payload: { text } }));
  const { items } = await example.dure.submitBatch({ atomic: false, jobs });
  const done = await Promise.all(items.map((item) => wait("id" in item ? item.id : "")));
  expect(done.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(texts.map(() => "succeeded 1"));
  expect(done[0]?.result).toEqual({ sha256: createHash("sha256").update("text 0").digest("hex") });
  expect(done[0]?.attempts[0]?.worker).toMatch(/^example\/.{36}$/);
});

it("a handler that fails is run again after its backoff, as often as the queue says", async () => {
  let failures = 2;
  behaviour.set("/flaky", (response) => status(failures-- > 0 ? 503 : 200)(response));
  const { id } = await example.dure.submit({ queue: "links", payload: { url: pageUrl("/flaky") } });
  expect(await wait(id)).toMatchObject({
    state: "succeeded",
    attempt: 3,
    result: { alive: true, status: 200 },
    attempts: [
      { error: { message: `${pageUrl("/flaky")} answered 503` } },
      { outcome: "failed" },
      { outcome: "succeeded" },
    ],
  });
  expect(asked.filter((path) => path === "/flaky")).toHaveLength(3);
});

it("NonRetryable fails the job at once", async () => {
  const { id } = await example.dure.submit({ queue: "links", payload: { url: "nowhere" } });
  expect(await wait(id)).toMatchObject({ state: "failed", attempt: 1, error: { code: "non-retryable" } });
});

it("a handler whose time is up is told, and the next attempt runs", async () => {
  let slow = true;
  let gaveUp = 0;
  behaviour.set("/slow", (response) => {
    if (!slow) return status(200)(response);
    slow = false;
    response.on("close", () => {
      gaveUp += 1;
    });
  });
  await example.dure.queues.put("links", { ...CONSUMED, timeout: 4, retry: { delay: 0.1, maxAttempts: 3 } });
  const { id } = await example.dure.submit({ queue: "links", payload: { url: pageUrl("/slow") } });
  expect(await wait(id)).toMatchObject({
    state: "succeeded",
    attempts: [{ outcome: "leaseExpired" }, { outcome: "succeeded" }],
  });
  await expect.poll(() => gaveUp, { timeout: 20_000 }).toBe(1);
});

it("a cancelled job stops its handler", async () => {
  const closed = new Promise<void>((gaveUp) => {
    behaviour.set("/endless", (response) => void response.on("close", () => gaveUp()));
  });
  await example.dure.queues.put("links", { ...CONSUMED, timeout: 60 });
  const { id } = await example.dure.submit({ queue: "links", payload: { url: pageUrl("/endless") } });
  await expect.poll(() => asked, { timeout: 30_000 }).toContain("/endless");
  await example.dure.cancel(id);
  await closed;
  expect(await wait(id)).toMatchObject({ state: "cancelled", attempts: [{ outcome: "cancelled" }] });
});
