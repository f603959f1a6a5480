import { describe, expect, test } from "vitest";
import { implicitDefault, settingsFrom } from "../../../../../contract/queue-settings.ts";
import type { NewJob, SubmitReply, SubmitRequest } from "../../../../../contract/rpc.ts";
import { parseJobId } from "../../../../../domain/job-id.ts";
import { initialMap, slotOf } from "../../../../../domain/slots.ts";
import { submitAll as submit } from "../../../../../workers/gateway/submit/submit.ts";
import {
  NOW,
  plainJobs,
  submission,
  submitAll,
  submitOptions,
  submitRig,
  takesAll,
} from "../../../../rigs/gateway-parts.ts";

describe("submitting", () => {
  test("unkeyed jobs of one request go to one shard in one call", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    const results = await submitAll(services, await plainJobs(10), submitOptions());
    expect(results.every((result) => result.type === "done")).toBe(true);
    expect(requests).toHaveLength(1);
    expect(new Set(requests[0]?.request.jobs.map((job) => job.id)).size).toBe(10);
  });

  test("an id carries the slot of its job's partition", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    await submitAll(services, await plainJobs(3), submitOptions());
    const jobs: NewJob[] = requests.flatMap(({ request }) => request.jobs);
    for (const { id, partition } of jobs) expect(parseJobId(id)?.slot).toBe(slotOf("default", "default", partition));
  });

  test("jobs of one ordering key always share a partition", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    for (let i = 0; i < 5; i++) {
      await submitAll(services, [await submission({ payload: i, orderingKey: "user-42" }, NOW)], submitOptions());
    }
    expect(new Set(requests.map(({ request }) => request.jobs[0]?.partition)).size).toBe(1);
  });

  test("newer settings from a shard are learnt, and the jobs planned again by them", async () => {
    const older = implicitDefault("default");
    const newer = { ...older, version: 3, partitions: 1 };
    const answer = (request: SubmitRequest): SubmitReply =>
      request.queues[0]?.version === 3 ? takesAll(request) : { type: "settings", settings: newer };
    const { services, requests } = submitRig(answer, [older]);
    const [result] = await submitAll(services, await plainJobs(1), submitOptions());
    expect(result?.type).toBe("done");
    expect(requests.at(-1)?.request.jobs[0]?.partition).toBe(0);
  });

  test("a queue that was deleted meanwhile refuses its jobs only", async () => {
    const gone = settingsFrom({}, { namespace: "default", name: "gone", version: 1, createdAt: 0, updatedAt: 0 });
    const answer = (request: SubmitRequest): SubmitReply =>
      request.queues.some(({ name }) => name === "gone")
        ? { type: "settings", settings: { ...gone, version: 2, deleted: true } }
        : takesAll(request);
    const { services } = submitRig(answer, [gone, implicitDefault("default")]);
    const jobs = [await submission({ payload: 1, queue: "gone" }, NOW), await submission({ payload: 2 }, NOW)];
    const results = await submitAll(services, jobs, submitOptions());
    expect(results.map((result) => (result.type === "refused" ? result.problem.code : "accepted"))).toEqual([
      "queue-not-found",
      "accepted",
    ]);
  });

  test("a slot that moved is asked of its new owner", async () => {
    const newer = { ...initialMap(1), epoch: 2 };
    const { services, requests } = submitRig(
      (request) => (request.epoch < 2 ? { type: "moved", map: newer } : takesAll(request)),
      [implicitDefault("default")],
    );
    const [result] = await submitAll(services, await plainJobs(1), submitOptions());
    expect(result?.type).toBe("done");
    expect(requests.at(-1)?.shard).toBe("shard-0");
  });

  test("a shard that fails costs only its own jobs", async () => {
    let failed = "";
    const answer = (request: SubmitRequest, shard: string): SubmitReply => {
      failed ||= shard;
      if (shard === failed) throw new Error("away");
      return takesAll(request);
    };
    const { services } = submitRig(answer, [implicitDefault("default")]);
    const jobs = await Promise.all(
      Array.from({ length: 40 }, (_, i) => submission({ payload: i, orderingKey: `key-${i}` }, NOW)),
    );
    const results = await submitAll(services, jobs, submitOptions(false));
    const refused = results.filter((result) => result.type === "refused");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(40);
    expect(refused.every((result) => result.problem.code === "unavailable")).toBe(true);
  });

  test("a timeout too long for a pushed queue is 422, and the shard is not asked", async () => {
    const pushed = settingsFrom(
      { target: { type: "handler", name: "noop" } },
      { namespace: "default", name: "default", version: 1, createdAt: 0, updatedAt: 0 },
    );
    const { services, requests } = submitRig(takesAll, [pushed]);
    const [result] = await submitAll(services, [await submission({ payload: 1, timeout: 1000 }, NOW)], submitOptions());
    expect(result).toMatchObject({ type: "refused", problem: { code: "timeout-too-long" } });
    expect(requests).toHaveLength(0);
  });
});

describe("an atomic batch", () => {
  test("on one shard is one atomic request", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    await submitAll(services, await plainJobs(5), submitOptions(true));
    expect(requests.map(({ request }) => request.atomic)).toEqual([true]);
  });

  test("sent again too late, on one shard, is undecidable", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    const sent = await submit(services, await plainJobs(5), { ...submitOptions(true), late: true });
    expect(sent).toMatchObject({ code: "idempotency-undecided", extras: { accepted: "unknown" } });
    expect(requests).toEqual([]);
  });

  test("with one job for an unknown queue asks no shard", async () => {
    const { services, requests } = submitRig(takesAll, [implicitDefault("default")]);
    const jobs = [await submission({ payload: 1 }, NOW), await submission({ payload: 1, queue: "nope" }, NOW)];
    const results = await submitAll(services, jobs, submitOptions(true));
    expect(results.map((result) => result.type === "refused" && result.problem.code)).toEqual([
      "batch-refused",
      "queue-not-found",
    ]);
    expect(requests).toHaveLength(0);
  });
});
