import { describe, expect, test } from "vitest";
import type { Problem } from "../../../../../contract/problems.ts";
import { implicitDefault } from "../../../../../contract/queue-settings.ts";
import type { RunReply, RunRequest } from "../../../../../contract/rpc.ts";
import { submitAll as submit } from "../../../../../workers/gateway/submit/submit.ts";
import {
  accepted,
  NOW,
  submission,
  submitAll,
  submitOptions,
  submitRig,
  takesAll,
} from "../../../../rigs/gateway-parts.ts";

describe("an atomic batch", () => {
  const spread = (count = 40) =>
    Promise.all(Array.from({ length: count }, (_, i) => submission({ payload: i, orderingKey: `key-${i}` }, NOW)));
  const committed = ({ jobs }: RunRequest): RunReply => ({
    type: "committed",
    verdicts: jobs.map((_, i) => (i === 7 ? { type: "replayed", id: "job_x", state: "running" } : accepted)),
  });

  test("over several shards is one transaction, and no shard is asked", async () => {
    const { services, requests, transactions } = submitRig(takesAll, [implicitDefault("default")], committed);
    const { randomness, ...rest } = submitOptions(true);
    const results = await submitAll(services, await spread(), { ...rest, randomness });
    expect(requests).toEqual([]);
    expect(transactions.map(({ id, jobs }) => [id, jobs.map(({ payload }) => payload)])).toEqual([
      [randomness.batchId, Array.from({ length: 40 }, (_, i) => String(i))],
    ]);
    expect(results.filter(({ type }) => type === "done")).toHaveLength(39);
    expect(results[7]).toEqual({ type: "replayed", id: "job_x", state: "running" });
  });

  test("over several shards, one of which has newer settings, is another transaction", async () => {
    const first = implicitDefault("default");
    const newer = { ...first, version: 3, priorityAgingMs: 1000 };
    const transact = (request: RunRequest): RunReply =>
      request.queues[0]?.version === 3 ? committed(request) : { type: "settings", settings: [newer] };
    const { services, transactions } = submitRig(takesAll, [first], transact);
    const { randomness, ...rest } = submitOptions(true);
    await submitAll(services, await spread(), { ...rest, randomness });
    expect(transactions.map(({ id }) => id)).toEqual([randomness.batchId, `${randomness.batchId}.1`]);
  });

  test.each<[RunReply["type"], Problem["code"], Problem["extras"]]>([
    ["unavailable", "unavailable", { accepted: "nothing" }],
    ["too-late", "idempotency-undecided", { accepted: "unknown" }],
  ])("over several shards that ends %s is answered %s", async (type, code, extras) => {
    const { services } = submitRig(takesAll, [implicitDefault("default")], () => ({ type }) as RunReply);
    expect(await submit(services, await spread(), submitOptions(true))).toMatchObject({ code, extras });
  });

  test("over several shards asks a transaction again that cannot be reached, and then says so", async () => {
    let calls = 0;
    const transact = (request: RunRequest): RunReply => {
      calls += 1;
      if (calls % 5 !== 0) throw new Error("away");
      return committed(request);
    };
    const { services } = submitRig(takesAll, [implicitDefault("default")], transact);
    expect(await submit(services, await spread(), submitOptions(true))).toMatchObject({ code: "unavailable" });
    expect(calls).toBe(4);
    expect(await submitAll(services, await spread(), submitOptions(true))).toHaveLength(40);
  });
});
