import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GatewayRig } from "../../rigs/gateway-rig.ts";
import { filesRunByAsync } from "./coverage.ts";

/**
 * Files in which code runs of one request, from the door of the gateway to the rows of the shard and back. Twenty-three of a
 * submit's are the shard's.
 */
// Whatever comes in asks for the room of its namespace, and is counted there: six files of a submit, some of the others.
// What a body says is sliced out of its text, and a traceparent is read: five files of a submit, four of the others.
// How many calls of a caller wait, or are heavy, and what the audit log is told of them is decided in four more.
// What throws over a row is contained, and what Cloudflare's SQL refuses is refused here too: three more, and of a report five.
// The stubs of all objects are placed in one file: one more.
// Plain jobs lie in packs (`durable-objects/shard/jobs/packs`).
// Whether what ends goes to history, and how long its shard answers for it: two of a report. Where single jobs go for a while: one
// of a submission.
// Whether a queue had nothing of late is remembered: one of a claim.
// What a kind of target is, all ask in one file: one more of each. What came before it had one more of each, too.
// Whether a service is held is asked for of the queues that a step has touched: one more of each.
const BUDGETS = { submit: 78, claim: 65, report: 75 };

// What is cached for seconds is not read again in the middle, however slow the machine is.
beforeEach(() => vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => vi.useRealTimers());

/** What is not the product's: the rig, its SQL and its random numbers. */
const LEFT_OUT = "test/";

interface Claimed {
  jobs: { lease: string }[];
}

async function claimed(rig: GatewayRig): Promise<string> {
  const { status, body } = await rig.call("POST", "/v1/queues/q/claim", { max: 1 });
  expect(status).toBe(200);
  return (body as Claimed).jobs[0]?.lease ?? "";
}

async function submitted(rig: GatewayRig): Promise<void> {
  expect((await rig.call("POST", "/v1/jobs", { queue: "q", payload: { to: "a@b" } })).status).toBe(202);
}

async function reported(rig: GatewayRig, lease: string): Promise<void> {
  const answer = await rig.call("POST", "/v1/reports", { reports: [{ lease, ok: true, result: 1 }] });
  expect(answer).toMatchObject({ status: 200, body: { items: [{ status: "recorded" }] } });
}

/** Fails with the list of the files, so that one sees which are too many. */
async function expectWithin(budget: number, action: () => Promise<void>): Promise<void> {
  const files = (await filesRunByAsync(action)).filter((file) => !file.startsWith(LEFT_OUT));
  expect(files.length, "files in which code runs").toBeGreaterThan(15);
  const message = `${files.length} files, ${budget} allowed:\n${files.join("\n")}`;
  expect(files.length, message).toBeLessThanOrEqual(budget);
}

test("one plain submit, one claim and one report each run in few files of the whole platform", async () => {
  const rig = new GatewayRig({ target: { type: "pull" } });
  for (let round = 0; round < 3; round++) {
    await submitted(rig);
    await reported(rig, await claimed(rig));
  }
  // Until the clock has run once, an object that has just started looks at everything before each claim.
  rig.shard.core.alarm();
  await expectWithin(BUDGETS.submit, () => submitted(rig));
  let lease = "";
  await expectWithin(BUDGETS.claim, async () => {
    lease = await claimed(rig);
  });
  await expectWithin(BUDGETS.report, () => reported(rig, lease));
});
