import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { ExplainView, JobView } from "../../contract/job.ts";
import { type Answer, call, claimOne, getJob, must, newQueue, type Problem, sleep, succeed } from "./api.ts";
import { brokenCache, brokenDatabase, callThrough } from "./faults.ts";
import { awayGateway, awayShards, consume } from "./ingest.ts";

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ consistency: "available" });
});

/** A job that waits for its shard, and the message that brings it there. */
async function deferred(options = {}): Promise<{ id: string; commit: () => Promise<unknown> }> {
  const bindings = awayGateway("broken");
  const { body } = await callThrough<JobView>(bindings, ["POST", "/v1/jobs"], {
    body: { queue, payload: { n: 1 }, ...options },
  });
  return { id: body.id, commit: () => consume(bindings.sent) };
}

const get = (id: string): [string, string] => ["GET", `/v1/jobs/${id}`];
const away = (how: "silent" | "broken") => ({ ...env, SHARD: awayShards(how) });

function freshness({ headers }: Answer<unknown>) {
  return { consistency: headers.get("dure-consistency"), age: headers.get("age") };
}

describe("a read of a job that waits for its shard", () => {
  test("answers it as accepted, and that is strong: its shard was asked", async () => {
    const { id } = await deferred();
    const answer = await call<JobView>(...get(id));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, state: "accepted", payload: { n: 1 }, attempts: [] });
    expect(freshness(answer)).toEqual({ consistency: "strong", age: null });
  });

  test.each(["silent", "broken"] as const)("whose shard is %s answers it with its age", async (how) => {
    const { id } = await deferred();
    await sleep(1100);
    const [method, path] = get(id);
    const level = how === "silent" ? "eventual" : "strong";
    const answer = await callThrough<JobView>(away(how), [method, `${path}?consistency=${level}`]);
    expect(answer.body.state).toBe("accepted");
    expect(freshness(answer).consistency).toBe("eventual");
    expect(Number(freshness(answer).age)).toBeGreaterThanOrEqual(2);
  });

  test("answers what the shard has as soon as that has it", async () => {
    const { id, commit } = await deferred();
    await commit();
    expect((await getJob(id)).state).toBe("queued");
    const { lease } = await claimOne(queue);
    await succeed(lease);
    expect((await getJob(id)).state).toBe("succeeded");
  });

  test("finds none that was never accepted, and says 503 where nobody can tell", async () => {
    const { id } = await deferred();
    const other = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
    expect((await call(...get(other))).status).toBe(404);
    const answer = await callThrough<Problem>(away("broken"), get(other));
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: "unavailable" });
    expect(answer.headers.get("retry-after")).not.toBeNull();
  });

  test("of another namespace finds nothing", async () => {
    const { id } = await deferred();
    await must("PUT", "/v1/namespaces/other", { body: {} });
    expect((await call(...get(id), { headers: { "dure-namespace": "other" } })).status).toBe(404);
  });

  test("goes on as ever where the records cannot be read", async () => {
    const { id, commit } = await deferred();
    const bindings = { ...env, CACHE: brokenCache("get") };
    expect((await callThrough(bindings, get(id))).status).toBe(404);
    await commit();
    expect((await callThrough<JobView>(bindings, get(id))).body.state).toBe("queued");
  });

  test("that was committed and deleted since is a 404", async () => {
    const { id, commit } = await deferred();
    await commit();
    await succeed((await claimOne(queue)).lease);
    const { id: operation } = await must<{ id: string }>("POST", "/v1/operations", {
      body: { action: "delete", filter: { queue } },
    });
    await expect
      .poll(async () => (await must<{ state: string }>("GET", `/v1/operations/${operation}`)).state, {
        timeout: 10_000,
      })
      .toBe("done");
    expect((await call(...get(id))).status).toBe(404);
  });
});

describe("waiting for a job whose shard is away", () => {
  test("ends with the job as it is when the wait is over", async () => {
    const bindings = awayGateway("silent");
    const startedAt = Date.now();
    const answer = await callThrough<JobView>(bindings, ["POST", "/v1/jobs"], {
      body: { queue, payload: 1 },
      headers: { prefer: "wait=1" },
    });
    expect(answer.status).toBe(202);
    expect(answer.body.state).toBe("accepted");
    expect(answer.headers.get("preference-applied")).toBe("wait=1");
    expect(Date.now() - startedAt).toBeLessThan(5000);
  });

  test("tells its end as soon as the job has one", async () => {
    const { id, commit } = await deferred();
    const answer = call<JobView>(...get(id), { headers: { prefer: "wait=15" } });
    await sleep(300);
    await commit();
    await succeed((await claimOne(queue)).lease, "done");
    const { body, headers } = await answer;
    expect(body).toMatchObject({ state: "succeeded", result: "done" });
    expect(headers.get("dure-consistency")).toBe("strong");
  });

  test("of a submission goes on to the job's end, too", async () => {
    // Away for the submission alone.
    const bindings = { ...awayGateway("broken"), SHARD: awayShards("broken", ["submit"]) };
    const answer = callThrough<JobView>(bindings, ["POST", "/v1/jobs"], {
      body: { queue, payload: 1 },
      headers: { prefer: "wait=15" },
    });
    await expect.poll(() => bindings.sent.length, { timeout: 15_000 }).toBe(1);
    await consume(bindings.sent);
    await succeed((await claimOne(queue)).lease, "done");
    const { status, body } = await answer;
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "succeeded", result: "done" });
  });
});

describe("a job that waits for its shard", () => {
  test.each(["here", "broken"] as const)("is explained in plain words (shard: %s)", async (how) => {
    const { id } = await deferred();
    const bindings = how === "here" ? { ...env } : away(how);
    const { status, body } = await callThrough<ExplainView>(bindings, ["GET", `/v1/jobs/${id}/explain`]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "accepted", reason: "accepted", blockedBy: null, ahead: null });
    expect(body.detail).toMatch(/shard did not answer/);
  });

  test.each(["cancel", "retry"])(
    "cannot be changed yet: %s is a 409, and a 503 while its shard is away",
    async (verb) => {
      const { id, commit } = await deferred();
      const conflict = await call("POST", `/v1/jobs/${id}/${verb}`, { body: {} });
      expect({ status: conflict.status, code: conflict.body.code }).toEqual({ status: 409, code: "invalid-state" });
      expect(conflict.body.detail).toMatch(/waits for its shard/);
      const broken = await callThrough(away("broken"), ["POST", `/v1/jobs/${id}/${verb}`], { body: {} });
      expect(broken.status).toBe(503);
      await commit();
      if (verb === "cancel") expect((await call("POST", `/v1/jobs/${id}/cancel`, { body: {} })).status).toBe(200);
    },
  );

  test("is in no list before its commit", async () => {
    const { id, commit } = await deferred();
    const listed = async () =>
      (await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${queue}`)).items.map((job) => job.id);
    expect(await listed()).toEqual([]);
    await commit();
    expect(await listed()).toEqual([id]);
  });

  test("reads as accepted while history is away, too", async () => {
    const { id } = await deferred();
    const answer = await callThrough<JobView>({ ...env, DB: brokenDatabase() }, get(id));
    expect(answer.body.state).toBe("accepted");
    expect(freshness(answer).consistency).toBe("eventual");
  });
});
