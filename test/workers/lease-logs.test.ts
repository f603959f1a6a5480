import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import gateway from "../limits/gateway.ts";
import { claimOne, newQueue, request, submit } from "./api.ts";
import { quiet } from "./canaries.ts";
import { leakyFrom, poisonedShards, quoted } from "./leaky-faults.ts";

/** A lease is a bearer's: whoever reads it in a log could end the job. Old workers send it in the path. */

let lease = "";

beforeAll(async () => {
  const queue = await newQueue();
  await submit({ queue });
  ({ lease } = await claimOne(queue));
});
beforeEach(() => {
  quoted.length = 0;
});

const CALLS = CALL_LIST.filter(({ path }) => path.startsWith("/v1/leases/"));
const BODIES: Record<string, object> = { succeed: { result: 1 }, fail: { error: { code: "broken" } }, extend: {} };

async function answered({ method, path }: { method: string; path: string }, bindings: Env) {
  const fields = BODIES[path.split("/").at(-1) ?? ""];
  const body = path.includes("{lease}") ? fields : { lease, ...fields };
  const context = createExecutionContext();
  const sent = request(method.toUpperCase(), path.replace("{lease}", lease), { body });
  const response = await gateway.fetch(sent, bindings, context);
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, text: `${text} ${JSON.stringify([...response.headers])}` };
}

it("there are calls with the lease in the path, and as many with it in the body", () => {
  const [inBody, inPath] = [false, true].map((named) => CALLS.filter(({ path }) => path.includes("{lease}") === named));
  expect([inBody?.length, inPath?.length]).toEqual([4, 4]);
});

it.each(CALLS)("$path whose use case throws is logged by its template, and answered without detail", async (route) => {
  const { value, lines } = await quiet(() => answered(route, poisonedShards()));
  expect(value.status).toBe(500);
  const unexpected = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "unexpected");
  expect(unexpected).toMatchObject([{ level: "error", route: route.path }]);
  expect(quoted.join()).toContain(lease);
  expect(lines.join()).not.toContain(lease);
  expect(value.text).not.toContain(lease);
});

it.each(CALLS)("$path whose shard cannot be reached is logged without the lease", async (route) => {
  const { value, lines } = await quiet(() => answered(route, leakyFrom(1).bindings));
  expect(value.status).toBe(503);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join() + value.text).not.toContain(lease);
});

it.each(["/v1/leases/{lease}", "/v1/leases/{lease}/other", "/v1/leases/{lease}/succeed/again"])(
  "%s, which is no path, is not logged",
  async (path) => {
    const { value, lines } = await quiet(() => answered({ method: "post", path }, poisonedShards()));
    expect(value.status).toBe(404);
    expect(lines.join() + value.text).not.toContain(lease);
  },
);
