import { createExecutionContext, createMessageBatch, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import type { OperationView } from "../../contract/operation.ts";
import type { SubscriptionView } from "../../contract/subscription.ts";
import gateway, { Dure } from "../../workers/gateway/index.ts";
import { call, claimOne, makeKey, makeNamespace, must, ROOT, request, submit, succeed } from "./api.ts";
import { runCron } from "./clock.ts";
import { consoleLines, leakyFetch, leakyFrom, quoted } from "./leaky-faults.ts";
import { deliver, PROCESSOR_ENV, project, work } from "./processor.ts";
import { tell } from "./subscriber.ts";

/**
 * Each field that may hold a secret or a payload holds a canary, and everything fails with errors that quote what they were
 * given: no line of the log has a canary, nor has an answer that says that something failed, nor an attempt.
 */
const CANARY = {
  payload: "canary-payload-9d1c",
  result: "canary-result-5b0e",
  error: "canary-error-44af",
  checkpoint: "canary-checkpoint-0c3d",
  progress: "canary-progress-71e2",
  tag: "canary-tag-3e90",
  orderingKey: "canary-ordering-c2d7",
  dedupKey: "canary-dedup-a16b",
  idempotencyKey: "canary-idempotency-f88a",
  targetHeader: "canary-target-header-6a55",
  targetUrl: "canary-target-url-d03c",
  subscriptionHeader: "canary-subscription-header-b7e4",
  subscriptionUrl: "canary-subscription-url-29f0",
};
/** Those that Dure makes; filled in before the tests. */
const made = { token: "", hash: "", lease: "" };
/** Secrets that a call makes new, by their shape: those of webhooks, and hashes of keys. */
const SHAPES: Record<string, RegExp> = { newWebhookSecret: /whsec_/, newHash: /\b[0-9a-f]{64}\b/ };

const canaries = () => Object.entries({ ...CANARY, ...made });
/** The names of the canaries that a text has. */
const namesIn = (text: string) => [
  ...canaries().flatMap(([name, canary]) => (text.includes(canary) ? [name] : [])),
  ...Object.entries(SHAPES).flatMap(([name, shape]) => (shape.test(text) ? [name] : [])),
];

const JOB = {
  queue: "pulled",
  payload: { p: CANARY.payload },
  tags: [CANARY.tag],
  orderingKey: CANARY.orderingKey,
};
const HTTP_QUEUE = {
  target: {
    type: "http",
    url: `https://target.test/hook?token=${CANARY.targetUrl}`,
    headers: { "x-token": CANARY.targetHeader },
  },
  retry: { maxAttempts: 100, delay: 0.01, maxDelay: 0.01 },
} as const;
const SUBSCRIPTION = {
  events: ["job.accepted", "job.started", "job.retrying", "job.succeeded"],
  target: {
    type: "http",
    url: `https://subscriber.test/hook?token=${CANARY.subscriptionUrl}`,
    headers: { "x-token": CANARY.subscriptionHeader },
  },
} as const;
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
  patchSubscription: () => ({ target: SUBSCRIPTION.target }),
  claimJobs: () => ({ max: 1 }),
  reportJobs: () => ({ reports: [{ lease: made.lease, ok: false, error: ERROR }] }),
  succeedByLease: () => ({ lease: made.lease, result: CANARY.result }),
  failByLease: () => ({ lease: made.lease, error: ERROR }),
  extendByLease: () => ({ lease: made.lease, ...PROGRESS }),
  succeedLease: () => ({ result: CANARY.result }),
  failLease: () => ({ error: ERROR }),
  extendLease: () => PROGRESS,
  startOperation: () => ({ action: "retry", dryRun: true, filter: { queue: "pulled", tag: CANARY.tag } }),
  createKey: () => ({ name: "child", scopes: ["read"] }),
};
const QUERIES: Record<string, string> = {
  listJobs: `?tag=${CANARY.tag}&orderingKey=${CANARY.orderingKey}&queue=pulled&include=payload,result,attempts`,
};

/** What these answer with on purpose, where they succeed. */
const ANSWERS_ALL = new Set(["createKey", "getWebhookSecret", "rotateWebhookSecret", "claimJobs", "openapi"]);

const place = { queue: "pulled", job: "", key: "", operation: "" };

beforeAll(async () => {
  const namespace = await makeNamespace("canaries");
  const { key, id } = await makeKey(["admin"], namespace);
  made.token = key;
  place.key = id;
  const row = await env.DB.prepare("SELECT hash FROM api_keys WHERE id = ?").bind(id).first<{ hash: string }>();
  made.hash = row?.hash ?? "";
  await must("PUT", "/v1/queues/pulled", { key, body: { partitions: 1 } });
  await must("PUT", "/v1/queues/posted", { key, body: HTTP_QUEUE });
  await must("PUT", "/v1/schedules/canaries", { key, body: SCHEDULE });
  await must("PUT", "/v1/subscriptions/canaries", { key, body: SUBSCRIPTION });
  // Nothing deletes this one.
  await must("PUT", "/v1/subscriptions/kept", { key, body: SUBSCRIPTION });
  const first = await submit({ queue: "pulled", payload: 1 }, { key });
  place.job = first.id;
  made.lease = (await claimOne("pulled", { leaseSeconds: 3600 }, key)).lease;
  const body = { action: "retry", dryRun: true };
  place.operation = (await must<OperationView>("POST", "/v1/operations", { key, body })).id;
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Route = (typeof CALL_LIST)[number];

function sent(route: Route): Request {
  const { path, id, scope } = route;
  const filled = path
    .replace("{queue}", id === "putQueue" || id === "patchQueue" ? "posted" : place.queue)
    .replace("{lease}", made.lease)
    .replace(/\{(schedule|subscription)\}/, "canaries")
    .replace("{name}", "canaries")
    .replace("{code}", "queue-not-found")
    .replace("{id}", path.startsWith("/v1/keys/") ? "none" : path.includes("operations") ? place.operation : place.job);
  const body = route.body === undefined ? {} : { body: BODIES[id]?.() ?? {} };
  const key = scope === "root" ? ROOT : made.token;
  return request(route.method.toUpperCase(), filled + (QUERIES[id] ?? ""), { key, ...body });
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
const ROUTES = [...CALL_LIST].sort((a, b) => Number(a.method === "delete") - Number(b.method === "delete"));

describe("no canary comes out", () => {
  it.each(ROUTES)("of $method $path, whichever of its operations fails", async (route) => {
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const lines = consoleLines();
      const faults = leakyFrom(from);
      const { status, text } = await answered(route, faults.bindings);
      vi.restoreAllMocks();
      expect([from, namesIn(lines.join("\n"))]).toEqual([from, []]);
      if (status >= 400) expect([from, status, namesIn(text)]).toEqual([from, status, []]);
      const secrets = namesIn(text).filter((name) => name in made || name in SHAPES);
      if (!ANSWERS_ALL.has(route.id)) expect(secrets).toEqual([]);
      if (faults.operations() < from) break;
    }
  });

  it("of the service binding", async () => {
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const lines = consoleLines();
      const context = Object.assign(createExecutionContext(), { props: { key: made.token } });
      const dure = new Dure(context as never, leakyFrom(from).bindings);
      const said = await dure.submit({ ...JOB, idempotencyKey: CANARY.idempotencyKey }).then(
        () => "",
        (error: unknown) => `${error} ${JSON.stringify(error)} ${(error as Error).stack}`,
      );
      vi.restoreAllMocks();
      expect([from, namesIn(lines.join("\n")), namesIn(said)]).toEqual([from, [], []]);
    }
  });

  it("of cron", async () => {
    for (const from of [1, 2, 5, 10, 20, 40]) {
      const lines = consoleLines();
      await runCron(leakyFrom(from).bindings);
      vi.restoreAllMocks();
      expect(lines.length).toBeGreaterThan(0);
      expect(namesIn(lines.join("\n"))).toEqual([]);
    }
  });

  it("of the ingest Queue, nor of what is kept of a message that is none", async () => {
    const namespace = "canaries";
    const bodies = [
      { type: "submit", namespace, job: JOB },
      { type: "submitBatch", namespace, jobs: [JOB], idempotencyKey: CANARY.idempotencyKey },
      { type: "submit", namespace, job: { ...JOB, [CANARY.payload]: 1 } },
      CANARY.payload,
    ];
    for (let from = 1; from <= MOST_OPERATIONS; from++) {
      const lines = consoleLines();
      const messages = bodies.map((body, i) => ({ id: `m-${i}`, timestamp: new Date(), attempts: 1, body }));
      await gateway.queue(createMessageBatch("dure-ingest", messages), leakyFrom(from).bindings);
      vi.restoreAllMocks();
      expect([from, namesIn(lines.join("\n"))]).toEqual([from, []]);
    }
  });
});

describe("no canary comes out of the processor", () => {
  beforeAll(async () => {
    // The calls before have deleted what is deleted by one.
    const { token: key } = made;
    await must("PUT", "/v1/queues/pulled", { key, body: { partitions: 1 } });
  });

  /** The processor with everything failing from the `from`-th operation on, and every request it makes. */
  async function processing(from: number, run: (bindings: ProcessorEnv) => Promise<unknown>): Promise<void> {
    const { DB, SHARD, DIRECTORY } = leakyFrom(from).bindings;
    const lines = consoleLines();
    leakyFetch();
    await run({ ...PROCESSOR_ENV, DB, SHARD, DIRECTORY });
    vi.restoreAllMocks();
    expect([from, namesIn(lines.join("\n"))]).toEqual([from, []]);
  }

  it("at work: neither in its log, nor in the attempts of jobs", async () => {
    const { id } = await submit({ ...JOB, queue: "posted" }, { key: made.token });
    for (const from of [1, 2, 3, 4, 6, 8, 10, 12, 1000])
      await processing(from, (bindings) => work("default", bindings));
    const { body } = await call<{ attempts: unknown[]; error: unknown }>("GET", `/v1/jobs/${id}`, { key: made.token });
    expect(body.attempts.length).toBeGreaterThan(0);
    expect(namesIn(JSON.stringify([body.attempts, body.error]))).toEqual([]);
  });

  it("delivering events: neither in its log, nor in what the subscription says of it", async () => {
    for (const from of [1, 2, 3, 4, 6, 8, 1000]) await processing(from, (bindings) => tell({ ...bindings }));
    const { delivery } = await must<SubscriptionView>("GET", "/v1/subscriptions/kept", { key: made.token });
    expect(namesIn(JSON.stringify(delivery))).toEqual([]);
  });

  it("copying finished jobs to history", async () => {
    await succeed((await claimOne("pulled", {}, made.token)).lease, CANARY.result);
    for (const from of [1, 2, 3, 4, 6, 8, 10, 14]) await processing(from, (bindings) => project(bindings));
  });

  it("keeping messages that nobody could handle: their reasons quote nothing", async () => {
    const bodies = [{ v: 1, kind: CANARY.payload, [CANARY.tag]: 1 }, CANARY.payload];
    for (const queue of ["dure-default", "dure-dead"]) {
      for (const from of [1, 1000]) await processing(from, (bindings) => deliver(queue, bodies, bindings));
    }
    const { results } = await env.DB.prepare("SELECT reason FROM dead_letters WHERE queue <> 'dure-ingest'").all();
    expect(results.length).toBeGreaterThan(0);
    expect(namesIn(JSON.stringify(results))).toEqual([]);
  });
});

it("every canary was in an error that something threw, but for the token of a key, which nothing is given", () => {
  const found = namesIn(quoted.join("\n"));
  const names = [...canaries().map(([name]) => name), ...Object.keys(SHAPES)];
  // A key is found by its id: what is made of the token stays in the gateway, and is compared there.
  expect(names.filter((name) => !found.includes(name))).toEqual(["token", "hash"]);
});
