import { describe, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import { call, claimOne, evict, getJob, makeKey, makeNamespace, newQueue, submit } from "./api.ts";

/** The calls about one attempt, with the lease in the body: the same as those with the lease in the path. */

const BODIES = {
  succeed: { result: { sent: true } },
  fail: { error: { code: "broken", message: "It broke.", retryable: false } },
  extend: { leaseSeconds: 30, progress: { percent: 5 } },
} as const;
type Action = keyof typeof BODIES;
const ACTIONS = Object.keys(BODIES) as Action[];

const inBody = (action: Action, lease: string, key?: string) =>
  call<JobView>("POST", `/v1/leases/${action}`, { body: { lease, ...BODIES[action] }, ...(key ? { key } : {}) });
const inPath = (action: Action, lease: string) =>
  call<JobView>("POST", `/v1/leases/${lease}/${action}`, { body: BODIES[action] });

async function started() {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  return { id, lease };
}

describe("a lease in the body", () => {
  it.each(ACTIONS)("does at %s what one in the path does", async (action) => {
    const [one, other] = [await started(), await started()];
    const [first, second] = [await inBody(action, one.lease), await inPath(action, other.lease)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(Object.keys(first.body)).toEqual(Object.keys(second.body));
    await evict();
    const [a, b] = [await getJob(one.id), await getJob(other.id)];
    const outcome = ({ state, result, error, progress }: JobView) => ({
      state,
      result,
      error,
      percent: progress?.percent,
    });
    expect(outcome(a)).toEqual(outcome(b));
    expect(a.state).toBe({ succeed: "succeeded", fail: "failed", extend: "running" }[action]);
  });

  it.each(ACTIONS)(
    "is stale for %s after the outcome, unknown when it never was, and refused when it is none",
    async (action) => {
      const { lease } = await started();
      expect((await inBody("succeed", lease)).status).toBe(200);
      expect(await inBody(action, lease)).toMatchObject({ status: 409, body: { code: "stale-lease" } });
      const forged = lease.slice(0, -1) + (lease.endsWith("0") ? "1" : "0");
      for (const unknown of [forged, "lease_x"]) {
        expect(await inBody(action, unknown)).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
      }
      for (const none of ["", "x".repeat(513)]) {
        expect(await inBody(action, none)).toMatchObject({ status: 400, body: { errors: [{ pointer: "/lease" }] } });
      }
      const without = await call("POST", `/v1/leases/${action}`, { body: BODIES[action] });
      expect(without).toMatchObject({ status: 400, body: { errors: [{ pointer: "/lease" }] } });
    },
  );

  it.each(ACTIONS)("of another namespace is unknown to %s", async (action) => {
    const { id, lease } = await started();
    const { key } = await makeKey(["work"], await makeNamespace("stranger"));
    expect(await inBody(action, lease, key)).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
    expect((await getJob(id)).state).toBe("running");
  });
});
