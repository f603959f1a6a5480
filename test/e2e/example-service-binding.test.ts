import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bindingError } from "../../client/src/binding.ts";
import { ENOUGH } from "../../workers/gateway/routing/waiting-claims.ts";
import type { CallerAnswer, Order } from "./binding-caller/index.ts";
import { type ExampleHost, startExample } from "./example-host.ts";

let example: ExampleHost;
let callerUrl: string;

beforeAll(async () => {
  const caller = join(import.meta.dirname, "binding-caller/wrangler.toml");
  example = await startExample(["service-binding"], { others: [caller] });
  callerUrl = await example.host.urlOf("binding-caller");
});
afterAll(() => example.stop());

/** What a Worker that is bound to Dure gets from a call. */
async function throughBinding(order: Order): Promise<CallerAnswer> {
  const response = await fetch(callerUrl, { method: "POST", body: JSON.stringify(order) });
  return (await response.json()) as CallerAnswer;
}

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

it("what Dure refuses, the example refuses with the same code", async () => {
  const refused = await example.fetch("/texts", { method: "POST", body: "too early" });
  expect(refused.status).toBe(404);
  expect(await refused.json()).toMatchObject({ code: "queue-not-found" });
  const missing = await example.fetch("/texts/no-id");
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ code: "job-not-found" });
});

it("a job submitted over the binding runs, and its result is read over the binding", async () => {
  await example.dure.queues.put("texts", { target: { type: "handler", name: "wordcount" } });
  const text = { method: "POST", body: "many hands make light work", headers: { "idempotency-key": "once" } };
  const accepted = await example.fetch("/texts", text);
  expect(accepted.status).toBe(202);
  const { id } = (await accepted.json()) as { id: string };
  const answer = await example.fetch(accepted.headers.get("location") ?? "");
  expect(await answer.json()).toMatchObject({ id, state: "succeeded", result: { words: 5 }, error: null });
  expect(await example.dure.get(id)).toMatchObject({ id, namespace: "default", queue: "texts", state: "succeeded" });
  expect(await (await example.fetch("/texts", text)).json()).toMatchObject({ id });
});

it("an error keeps everything it says on its way through the binding", async () => {
  const body = { max: 0, nope: 1 };
  const { thrown } = await throughBinding({ binding: "WORK", method: "claim", args: ["default", body] });
  const answer = await fetch(`${example.host.url}/v1/queues/default/claim`, {
    method: "POST",
    headers: { authorization: `Bearer ${example.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const problem = (await answer.json()) as { detail: string };
  expect(thrown).toMatchObject({ ...problem, name: "DureError", message: problem.detail });
  expect(thrown?.errors).toHaveLength(2);
  expect(bindingError(Object.assign(new Error(), thrown))).toMatchObject({ code: "invalid-request", status: 400 });
});

it("a binding does what its props allow, and nothing without props or key", async () => {
  const submit = { method: "submit", args: [{ payload: 1 }] };
  const lacking = await throughBinding({ binding: "WORK", ...submit });
  expect(lacking.thrown).toMatchObject({ code: "forbidden", status: 403 });
  const nobody = await throughBinding({ binding: "NOBODY", ...submit });
  expect(nobody.thrown).toMatchObject({ code: "unauthorized", status: 401 });
  const keyed = await throughBinding({
    binding: "NOBODY",
    method: "submit",
    args: [{ payload: 1 }, { key: example.key }],
  });
  expect(keyed.value).toMatchObject({ state: "queued" });
});

it("the insides of the entrypoint, its secrets among them, cannot be reached", async () => {
  for (const method of ["env", "ctx", "ask", "send"]) {
    const { thrown } = await throughBinding({ binding: "WORK", method, args: [] });
    expect(thrown?.message).toBe(`The RPC receiver does not implement the method "${method}".`);
  }
});

it("a claim waits for work over the binding, and leases nothing once its caller has gone", async () => {
  await example.dure.queues.put("waited", {});
  const waiting = throughBinding({ binding: "WORK", method: "claim", args: ["waited", { wait: 20 }] });
  await pause(500);
  const first = await example.dure.submit({ queue: "waited", payload: 1 });
  expect(await waiting).toMatchObject({ value: { jobs: [{ id: first.id }] } });

  const args = ["waited", { wait: 20 }];
  expect(await throughBinding({ binding: "WORK", method: "claim", args, leaveAfterMs: 500 })).toEqual({ left: true });
  const second = await example.dure.submit({ queue: "waited", payload: 2 });
  await pause(1500);
  expect(await example.dure.get(second.id)).toMatchObject({ state: "queued", attempt: 0 });
});

it("a claim that others left to those of callers who have gone is given work long before the time of these", async () => {
  await example.dure.queues.put("left", { partitions: 1 });
  const claim = (leaveAfterMs?: number) => {
    const args = ["left", { wait: 60 }];
    return throughBinding({
      binding: "WORK",
      method: "claim",
      args,
      ...(leaveAfterMs === undefined ? {} : { leaveAfterMs }),
    });
  };
  const left = await Promise.all(Array.from({ length: ENOUGH }, () => claim(1_000)));
  expect(left).toEqual(left.map(() => ({ left: true })));
  const began = performance.now();
  const waiting = claim();
  await pause(500);
  const { id } = await example.dure.submit({ queue: "left", payload: 1 });
  expect(await waiting).toMatchObject({ value: { jobs: [{ id }] } });
  expect(performance.now() - began).toBeLessThan(30_000);
}, 90_000);
