import type { CallName } from "../../contract/http/calls.ts";
import { claimOne, freshName, makeKey, makeNamespace, must, ROOT, submit } from "../workers/api.ts";
import { nameOnFirst } from "./rows-read.ts";

/** One way to make a call, as a tenant who has a little of everything. */
export interface Case {
  method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  /** Left out: the tenant's own. */
  key?: string | null;
  headers?: Record<string, string>;
  /** Work that goes on behind the answer belongs to the call: it is done, and counted too. */
  goesOn?: true;
}

type CasesOf = (tenant: Tenant) => Promise<Case[]> | Case[];

/** One partition: to which of several a job goes is a matter of luck. */
const PULL = { target: { type: "pull" }, partitions: 1 };
const SCHEDULE = (queue: string) => ({ cron: "0 0 1 1 *", job: { queue, payload: {} } });
const SUBSCRIPTION = { events: ["job.failed"], target: { type: "http", url: "https://hooks.example.com/" } };
const SERVICE = { instances: [{ url: "https://mail-1.example.com" }] };
const DAY_SECONDS = 86_400;

/** A tenant with a queue and jobs in every state. */
export class Tenant {
  readonly namespace: string;
  readonly key: string;
  readonly queue: string;
  /** A failed job. */
  failed = "";
  #made = 0;

  private constructor(namespace: string, key: string) {
    this.namespace = namespace;
    this.key = key;
    this.queue = nameOnFirst(namespace, "main");
  }

  static async make(): Promise<Tenant> {
    const namespace = await makeNamespace(freshName("tenant"));
    const { key } = await makeKey(["submit", "read", "work", "admin"], namespace);
    const tenant = new Tenant(namespace, key);
    await tenant.newQueue(tenant.queue);
    for (let i = 0; i < 3; i++) await tenant.job(tenant.queue, { tags: ["t"], orderingKey: `o${i}` });
    await tenant.job(tenant.queue, { delay: DAY_SECONDS });
    tenant.failed = await tenant.failedJob(tenant.queue);
    return tenant;
  }

  async newQueue(name = this.name("q")): Promise<string> {
    await must("PUT", `/v1/queues/${name}`, { body: PULL, key: this.key });
    return name;
  }

  name(prefix: string): string {
    this.#made += 1;
    return nameOnFirst(this.namespace, `${prefix}${this.#made}`);
  }

  async job(queue: string, over: Record<string, unknown> = {}): Promise<string> {
    return (await submit({ queue, ...over }, { key: this.key })).id;
  }

  async lease(): Promise<string> {
    const queue = await this.newQueue();
    await this.job(queue);
    return (await claimOne(queue, {}, this.key)).lease;
  }

  async failedJob(queue: string, over: Record<string, unknown> = {}): Promise<string> {
    const id = await this.job(queue, { priority: 9, ...over });
    const { lease } = await claimOne(queue, {}, this.key);
    const error = { code: "broken", message: "It broke.", retryable: false };
    await must("POST", `/v1/leases/${lease}/fail`, { body: { error }, key: this.key });
    return id;
  }

  async emptyQueueWithFailed(): Promise<string> {
    const queue = await this.newQueue();
    await this.failedJob(queue);
    return queue;
  }

  async schedule(): Promise<string> {
    const name = this.name("s");
    await must("PUT", `/v1/schedules/${name}`, { body: SCHEDULE(this.queue), key: this.key });
    return name;
  }

  async subscription(): Promise<string> {
    const name = this.name("s");
    await must("PUT", `/v1/subscriptions/${name}`, { body: SUBSCRIPTION, key: this.key });
    return name;
  }

  async service(): Promise<string> {
    const name = this.name("s");
    await must("PUT", `/v1/services/${name}`, { body: SERVICE, key: this.key });
    return name;
  }

  async operation(body: Record<string, unknown>): Promise<string> {
    return (await must<{ id: string }>("POST", "/v1/operations", { body, key: this.key })).id;
  }
}

const get = (path: string): Case => ({ method: "GET", path });
const post = (path: string, body: unknown = {}): Case => ({ method: "POST", path, body });
const atRoot = (path: string): Case => ({ ...get(path), key: ROOT });

/** How each call of the API is made: a call without an entry does not compile. */
export const CASES: Record<CallName, CasesOf> = {
  submitJob: ({ queue }) => [
    post("/v1/jobs", { queue, payload: {} }),
    post("/v1/jobs", { queue, payload: {}, orderingKey: "o0", idempotencyKey: "i" }),
  ],
  listJobs: ({ queue }) =>
    [
      "",
      "limit=1",
      `queue=${queue}`,
      "state=queued",
      "state=scheduled",
      "state=running",
      "state=failed",
      "state=succeeded",
      `queue=${queue}&state=failed`,
      `queue=${queue}&tag=t`,
      `queue=${queue}&tag=none`,
      `queue=${queue}&orderingKey=o1`,
      "tag=t&createdAfter=2020-01-01T00:00:00Z",
      "createdBefore=2020-01-01T00:00:00Z",
      "include=payload,result,attempts",
      "consistency=session",
      "consistency=eventual",
    ].map((query) => get(`/v1/jobs?${query}`)),
  getJob: ({ failed }) => [get(`/v1/jobs/${failed}`)],
  explainJob: async (tenant) => [
    get(`/v1/jobs/${await tenant.job(tenant.queue)}/explain`),
    get(`/v1/jobs/${await tenant.job(tenant.queue, { orderingKey: "o1" })}/explain`),
    get(`/v1/jobs/${tenant.failed}/explain`),
  ],
  cancelJob: async (tenant) => [post(`/v1/jobs/${await tenant.job(tenant.queue)}/cancel`)],
  patchJob: async (tenant) => [
    { method: "PATCH", path: `/v1/jobs/${await tenant.job(tenant.queue)}`, body: { payload: 2, priority: 9 } },
  ],
  runJobNow: async (tenant) => [post(`/v1/jobs/${await tenant.job(tenant.queue)}/run-now`)],
  retryJob: async (tenant) => [post(`/v1/jobs/${await tenant.failedJob(await tenant.newQueue())}/retry`)],
  submitBatch: ({ queue }) => [
    post("/v1/batches", { jobs: [{ queue, payload: 1 }] }),
    post("/v1/batches", { atomic: true, jobs: [{ queue, payload: 1 }] }),
  ],

  listQueues: () => [get("/v1/queues")],
  putQueue: async (tenant) => [
    { method: "PUT", path: `/v1/queues/${tenant.name("q")}`, body: PULL },
    { method: "PUT", path: `/v1/queues/${tenant.queue}`, body: { ...PULL, concurrency: 100 } },
  ],
  getQueue: ({ queue }) => [get(`/v1/queues/${queue}`)],
  patchQueue: ({ queue }) => [{ method: "PATCH", path: `/v1/queues/${queue}`, body: { weight: 2 } }],
  deleteQueue: async (tenant) => [{ method: "DELETE", path: `/v1/queues/${await tenant.newQueue()}` }],
  queueStats: ({ queue }) => [get(`/v1/queues/${queue}/stats`)],
  pauseQueue: ({ queue }) => [post(`/v1/queues/${queue}/pause`)],
  resumeQueue: ({ queue }) => [post(`/v1/queues/${queue}/resume`)],

  listFailures: ({ queue }) => [get(`/v1/queues/${queue}/failures`)],
  redriveQueue: async (tenant) => [
    post(`/v1/queues/${tenant.queue}/redrive`, { dryRun: true }),
    post(`/v1/queues/${await tenant.emptyQueueWithFailed()}/redrive`),
    post(`/v1/queues/${await tenant.emptyQueueWithFailed()}/redrive`, { queue: tenant.queue }),
  ],
  purgeQueue: async (tenant) => {
    const queue = await tenant.newQueue();
    await tenant.job(queue);
    await tenant.job(queue, { delay: DAY_SECONDS });
    const failed = await tenant.emptyQueueWithFailed();
    return [post(`/v1/queues/${queue}/purge`), post(`/v1/queues/${failed}/purge`, { failed: true })];
  },

  listOrderingKeys: ({ queue }) => [get(`/v1/queues/${queue}/keys`)],
  pauseKey: ({ queue }) => [post(`/v1/queues/${queue}/keys/pause`, { key: "o0" })],
  resumeKey: ({ queue }) => [post(`/v1/queues/${queue}/keys/resume`, { key: "o0" })],
  unblockKey: async (tenant) => {
    const queue = tenant.name("q");
    await must("PUT", `/v1/queues/${queue}`, { body: { ...PULL, onFailure: "block" }, key: tenant.key });
    await tenant.failedJob(queue, { orderingKey: "k" });
    return [post(`/v1/queues/${queue}/keys/unblock`, { key: "k", action: "skip" })];
  },

  listSchedules: async (tenant) => {
    await tenant.schedule();
    return [get("/v1/schedules")];
  },
  putSchedule: (tenant) => [{ method: "PUT", path: `/v1/schedules/${tenant.name("s")}`, body: SCHEDULE(tenant.queue) }],
  getSchedule: async (tenant) => [get(`/v1/schedules/${await tenant.schedule()}`)],
  patchSchedule: async (tenant) => [
    { method: "PATCH", path: `/v1/schedules/${await tenant.schedule()}`, body: { paused: true } },
  ],
  deleteSchedule: async (tenant) => [{ method: "DELETE", path: `/v1/schedules/${await tenant.schedule()}` }],
  listFires: async (tenant) => [get(`/v1/schedules/${await tenant.schedule()}/fires`)],

  listSubscriptions: async (tenant) => {
    await tenant.subscription();
    return [get("/v1/subscriptions")];
  },
  putSubscription: (tenant) => [{ method: "PUT", path: `/v1/subscriptions/${tenant.name("s")}`, body: SUBSCRIPTION }],
  getSubscription: async (tenant) => [get(`/v1/subscriptions/${await tenant.subscription()}`)],
  patchSubscription: async (tenant) => [
    { method: "PATCH", path: `/v1/subscriptions/${await tenant.subscription()}`, body: { paused: true } },
  ],
  deleteSubscription: async (tenant) => [
    { method: "DELETE", path: `/v1/subscriptions/${await tenant.subscription()}` },
  ],

  listServices: async (tenant) => {
    await tenant.service();
    return [get("/v1/services")];
  },
  putService: (tenant) => [{ method: "PUT", path: `/v1/services/${tenant.name("s")}`, body: SERVICE }],
  getService: async (tenant) => [get(`/v1/services/${await tenant.service()}`)],
  patchService: async (tenant) => [
    { method: "PATCH", path: `/v1/services/${await tenant.service()}`, body: { timeout: 5 } },
  ],
  deleteService: async (tenant) => [{ method: "DELETE", path: `/v1/services/${await tenant.service()}` }],

  claimJobs: async (tenant) => {
    const queue = await tenant.newQueue();
    await tenant.job(queue);
    return [post(`/v1/queues/${queue}/claim`), post(`/v1/queues/${await tenant.newQueue()}/claim`)];
  },
  reportJobs: async (tenant) => [
    post("/v1/reports", { reports: [{ lease: await tenant.lease(), ok: true, result: 1 }] }),
  ],
  succeedLease: async (tenant) => [post(`/v1/leases/${await tenant.lease()}/succeed`, { result: 1 })],
  failLease: async (tenant) => [
    post(`/v1/leases/${await tenant.lease()}/fail`, { error: { code: "broken", message: "It broke." } }),
  ],
  releaseLease: async (tenant) => [post(`/v1/leases/${await tenant.lease()}/release`)],
  extendLease: async (tenant) => [post(`/v1/leases/${await tenant.lease()}/extend`)],

  succeedByLease: async (tenant) => [post("/v1/leases/succeed", { lease: await tenant.lease(), result: 1 })],
  failByLease: async (tenant) => [
    post("/v1/leases/fail", { lease: await tenant.lease(), error: { code: "broken", message: "It broke." } }),
  ],
  releaseByLease: async (tenant) => [post("/v1/leases/release", { lease: await tenant.lease() })],
  extendByLease: async (tenant) => [post("/v1/leases/extend", { lease: await tenant.lease() })],

  startOperation: async (tenant) => {
    const queue = await tenant.newQueue();
    await tenant.job(queue);
    return [
      { ...post("/v1/operations", { action: "cancel", filter: { queue } }), goesOn: true },
      { ...post("/v1/operations", { action: "retry", filter: { tag: "none" } }), goesOn: true },
    ];
  },
  listOperations: async (tenant) => {
    await tenant.operation({ action: "cancel", filter: { tag: "none" } });
    return [get("/v1/operations")];
  },
  getOperation: async (tenant) => [
    get(`/v1/operations/${await tenant.operation({ action: "cancel", filter: { tag: "none" } })}`),
  ],

  createKey: () => [post("/v1/keys", { name: "k", scopes: ["read"] })],
  listKeys: () => [get("/v1/keys")],
  revokeKey: async ({ namespace }) => [
    { method: "DELETE", path: `/v1/keys/${(await makeKey(["read"], namespace)).id}` },
  ],
  listAuditLog: () => [get("/v1/audit-log"), atRoot("/v1/audit-log")],
  listNamespaces: () => [atRoot("/v1/namespaces?limit=1")],
  putNamespace: () => [{ method: "PUT", path: `/v1/namespaces/${freshName("made")}`, body: {}, key: ROOT }],
  getNamespace: ({ namespace }) => [atRoot(`/v1/namespaces/${namespace}`)],
  patchNamespace: ({ namespace }) => [
    { method: "PATCH", path: `/v1/namespaces/${namespace}`, body: { limits: { keys: 500 } }, key: ROOT },
  ],
  deleteNamespace: async () => [
    { method: "DELETE", path: `/v1/namespaces/${await makeNamespace(freshName("gone"))}`, key: ROOT, goesOn: true },
  ],
  getWebhookSecret: () => [get("/v1/webhook-secret")],
  rotateWebhookSecret: () => [post("/v1/webhook-secret/rotate")],
  getCluster: () => [atRoot("/v1/cluster")],
  // Not `fresh=true`: that is the root's, which asks for a whole pass and gets it, in steps that are bounded each.
  audit: () => [atRoot("/v1/audit")],

  explainProblem: () => [{ ...get("/problems/invalid-request"), key: null }],
  healthz: () => [{ ...get("/healthz"), key: null }],
  readyz: () => [{ ...get("/readyz"), key: null }],
  metrics: () => [atRoot("/metrics")],
  openapi: () => [{ ...get("/openapi.json"), key: null }],
  docs: () => [{ ...get("/docs"), key: null }],
};
