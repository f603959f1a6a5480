import { createExecutionContext, createMessageBatch, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import type { OperationView } from "../../contract/operation.ts";
import gateway, { Dure } from "../limits/gateway.ts";
import { call, claimOne, makeKey, makeNamespace, must, ROOT, request, submit } from "./api.ts";
import {
  CANARY,
  HTTP_QUEUE,
  JOB,
  namesIn,
  quiet,
  quotedSealed,
  SUBSCRIPTION,
  TARGET_CANARY,
  targetSecretsIn,
} from "./canaries.ts";
import { runCron } from "./clock.ts";
import { leakyFrom, quoted } from "./leaky-faults.ts";

/**
 * Everything fails with errors that quote what they were given: no line of the log has a canary, nor has an answer that says
 * that something failed. What a target's secrets were is in no answer at all.
 */
const NAMESPACE = "canaries";
/** Filled in before the tests. */
const made = { token: "", lease: "" };

const SCHEDULE = { cron: "0 0 1 1 *", job: JOB };
const ERROR = { code: "broken", message: CANARY.error };
const PROGRESS = { progress: { message: CANARY.progress }, checkpoint: CANARY.checkpoint };
const KEY = { key: CANARY.orderingKey };

const BODIES: Record<string, () => unknown> = {
  submitJob: () => ({ ...JOB, idempotencyKey: CANARY.idempotencyKey }),
  submitBatch: () => ({
    atomic: true,
    jobs: [JOB, { queue: "pulled", payload: 1, dedup: { key: CANARY.dedupKey } }],
  }),
  putQueue: () => HTTP_QUEUE,
  patchQueue: () => ({ target: HTTP_QUEUE.target }),
  redriveQueue: () => ({ filter: { tag: CANARY.tag } }),
  purgeQueue: () => ({ failed: true, filter: { tag: CANARY.tag } }),
  unblockKey: () => ({ ...KEY, action: "skip" }),
  pauseKey: () => KEY,
  resumeKey: () => KEY,
  putSchedule: () => SCHEDULE,
  patchSchedule: () => ({ job: JOB }),
  putSubscription: () => SUBSCRIPTION,
  putService: () => SERVICE,
  patchService: () => SERVICE,
  patchSubscription: () => ({ target: SUBSCRIPTION.target }),
  claimJobs: () => ({ max: 1 }),
  reportJobs: () => ({ reports: [{ lease: made.lease, ok: false, error: ERROR }] }),
  succeedByLease: () => ({ lease: made.lease, result: CANARY.result }),
  failByLease: () => ({ lease: made.lease, error: ERROR }),
  releaseByLease: () => ({ lease: made.lease, reason: ERROR.message }),
  extendByLease: () => ({ lease: made.lease, ...PROGRESS }),
  succeedLease: () => ({ result: CANARY.result }),
  failLease: () => ({ error: ERROR }),
  releaseLease: () => ({ reason: ERROR.message }),
  extendLease: () => PROGRESS,
  startOperation: () => ({ action: "retry", dryRun: true, filter: { queue: "pulled", tag: CANARY.tag } }),
  createKey: () => ({ name: "child", scopes: ["read"] }),
};
const QUERIES: Record<string, string> = {
  listJobs: `?tag=${CANARY.tag}&orderingKey=${CANARY.orderingKey}&queue=pulled&include=payload,result,attempts`,
};

/** What these answer with on purpose, where they succeed. */
const ANSWERS: Record<string, string> = {
  createKey: "token",
  getWebhookSecret: "webhookSecret",
  rotateWebhookSecret: "webhookSecret",
  claimJobs: "lease",
};

/** Its URLs have no secrets: what would be one is refused. */
const SERVICE = { instances: [{ url: "https://mail-1.example.com" }] };

const place = { job: "", operation: "" };

beforeAll(async () => {
  const { key } = await makeKey(["admin"], await makeNamespace(NAMESPACE));
  made.token = key;
  await must("PUT", "/v1/queues/pulled", { key, body: { partitions: 1 } });
  await must("PUT", "/v1/queues/posted", { key, body: HTTP_QUEUE });
  await must("PUT", "/v1/schedules/canaries", { key, body: SCHEDULE });
  await must("PUT", "/v1/subscriptions/canaries", { key, body: SUBSCRIPTION });
  await must("PUT", "/v1/services/canaries", { key, body: SERVICE });
  place.job = (await submit({ queue: "pulled", payload: 1 }, { key })).id;
  made.lease = (await claimOne("pulled", { leaseSeconds: 3600 }, key)).lease;
  const body = { action: "retry", dryRun: true };
  place.operation = (await must<OperationView>("POST", "/v1/operations", { key, body })).id;
});

type Route = (typeof CALL_LIST)[number];

function pathOf({ path, id, method }: Route): string {
  const shown = id === "putQueue" || id === "patchQueue" || id === "getQueue";
  return (
    path
      .replace("{queue}", shown ? "posted" : "pulled")
      .replace("{lease}", made.lease)
      .replace(/\{(schedule|subscription|service)\}/, "canaries")
      // With its namespace, all that the others need would be gone.
      .replace("{name}", method === "delete" ? "doomed" : NAMESPACE)
      .replace("{code}", "queue-not-found")
      .replace(
        "{id}",
        path.startsWith("/v1/keys/") ? "none" : path.includes("operations") ? place.operation : place.job,
      )
  );
}

function sent(route: Route): Request {
  const body = route.body === undefined ? {} : { body: BODIES[route.id]?.() ?? {} };
  const key = route.scope === "root" ? ROOT : made.token;
  return request(route.method.toUpperCase(), pathOf(route) + (QUERIES[route.id] ?? ""), { key, ...body });
}

async function answered(route: Route, bindings: Env): Promise<{ status: number; text: string }> {
  const context = createExecutionContext();
  const response = await gateway.fetch(sent(route), bindings, context);
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, text: `${text} ${JSON.stringify([...response.headers])}` };
}

/** As many of its operations are let through as there are, one more each time. */
const MOST_OPERATIONS = 12;

/** Deleting comes last: the others need what is deleted. */
const [deletions, others] = [true, false].map((deletes) =>
  CALL_LIST.filter(({ method }) => (method === "delete") === deletes),
);

function itIsQuiet(routes: readonly Route[] = []): void {
  it.each(routes)("of $method $path, whichever of its operations fails", async (route) => {
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const faults = leakyFrom(from);
      const { value } = await quiet(() => answered(route, faults.bindings));
      const { status, text } = value;
      if (status >= 400) expect([from, status, namesIn(text)]).toEqual([from, status, []]);
      else if (route.id !== "openapi") {
        const secrets = namesIn(text).filter((name) => !(name in CANARY) && name !== ANSWERS[route.id]);
        expect([from, status, secrets]).toEqual([from, status, []]);
      }
      if (faults.operations() < from) break;
    }
  });
}

describe("no canary comes out", () => {
  itIsQuiet(others);

  it("of the service binding", async () => {
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const context = Object.assign(createExecutionContext(), { props: { key: made.token } });
      const dure = new Dure(context as never, leakyFrom(from).bindings);
      const told = (error: unknown) => `${error} ${JSON.stringify(error)} ${(error as Error).stack}`;
      const submitted = () =>
        dure.submit({ ...JOB, idempotencyKey: CANARY.idempotencyKey }).then(() => "accepted", told);
      expect([from, namesIn((await quiet(submitted)).value)]).toEqual([from, []]);
    }
  });

  it("of cron", async () => {
    for (const from of [1, 2, 5, 10, 20, 40]) {
      const { lines } = await quiet(() => runCron(leakyFrom(from).bindings));
      expect(lines.length).toBeGreaterThan(0);
    }
  });

  it("of the ingest Queue, of messages that are none either", async () => {
    const namespace = NAMESPACE;
    const bodies = [
      { type: "submit", namespace, job: JOB },
      { type: "submitBatch", namespace, jobs: [JOB], idempotencyKey: CANARY.idempotencyKey },
      { type: "submit", namespace, job: { ...JOB, [CANARY.payload]: 1 } },
      CANARY.payload,
    ];
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const messages = bodies.map((body, i) => ({ id: `m-${i}`, timestamp: new Date(), attempts: 1, body }));
      const batch = createMessageBatch("dure-ingest", messages);
      const { lines } = await quiet(async () => gateway.queue(batch, leakyFrom(from).bindings));
      expect(lines.length).toBeGreaterThan(0);
    }
  });
});

describe("secrets of targets are in no answer", () => {
  const READS = CALL_LIST.filter(({ method, id, scope }) => method === "get" && scope !== "public" && id !== "docs");
  const SHOWN = { listQueues: 1, getQueue: 1, listSubscriptions: 1, getSubscription: 1 };

  it.each(READS)("$path to the root key", async (route) => {
    const headers = { "dure-namespace": NAMESPACE };
    const { status, body } = await call<unknown>("GET", pathOf(route) + (QUERIES[route.id] ?? ""), { headers });
    expect(status).toBe(200);
    const text = JSON.stringify(body);
    expect(targetSecretsIn(text)).toEqual([]);
    expect(/\?token=\*\*\*","headers":\{"x-token":"\*\*\*"\}/.test(text)).toBe(route.id in SHOWN);
  });

  it.each([
    ["PUT", "/v1/queues/posted", HTTP_QUEUE],
    ["PATCH", "/v1/queues/posted", { target: HTTP_QUEUE.target }],
    ["PUT", "/v1/subscriptions/canaries", SUBSCRIPTION],
    ["PATCH", "/v1/subscriptions/canaries", { target: SUBSCRIPTION.target }],
    ["POST", "/v1/queues/posted/pause", undefined],
  ])("%s %s", async (method, path, body) => {
    const { status, body: view } = await call(method, path, { key: made.token, body });
    expect([status, targetSecretsIn(JSON.stringify(view))]).toEqual([200, []]);
    expect(JSON.stringify(view)).toContain('?token=***","headers":{"x-token":"***"}');
  });
});

describe("no canary comes out of deleting", () => {
  beforeAll(() => makeNamespace("doomed"));

  itIsQuiet(deletions);
});

describe("of what errors have quoted", () => {
  it("is every canary that objects and the database are given as it is", () => {
    const names = [...Object.keys(CANARY), "lease", "hash"];
    expect(namesIn(quoted.join("\n"))).toEqual(expect.arrayContaining(names));
    // A key is found by its id: what is made of the token stays in the gateway, and is compared there.
    expect(quoted.join("\n")).not.toContain(made.token);
  });

  it("are the secrets of targets and webhooks sealed, and none in clear", async () => {
    const names = [...Object.keys(TARGET_CANARY), "webhookSecret"];
    expect((await quotedSealed(NAMESPACE)).sort()).toEqual(names.sort());
    expect(namesIn(quoted.join("\n")).filter((name) => names.includes(name))).toEqual([]);
  });
});
