import { call, ok } from "./call.ts";
import { LEASE, QUEUE } from "./parameters.ts";

/** What the two calls have in common that do the same: one takes the lease in its body, the other in its path. */
const SUCCEED = {
  scope: "work",
  description: "Records that the attempt under this lease has succeeded, with its result and the jobs that it spawns.",
  bookmark: true,
  answers: [ok("Succeeded")],
  problems: [
    "lease-not-found",
    "stale-lease",
    "queue-not-found",
    "result-too-large",
    "payload-too-large",
    "keys-need-one-partition",
    "timeout-too-long",
    "backlog-full",
  ],
} as const;

const FAIL = {
  scope: "work",
  description:
    "Records that the attempt under this lease has failed. The job is tried again by its retry policy unless the error says that this is no use.",
  bookmark: true,
  answers: [ok("Job")],
  problems: ["lease-not-found", "stale-lease"],
} as const;

const EXTEND = {
  scope: "work",
  description:
    "Moves the end of the lease, and stores progress and a checkpoint. The answer says when the job was cancelled meanwhile.",
  answers: [ok("Extended")],
  problems: ["lease-not-found", "stale-lease", "checkpoint-too-large"],
} as const;

const RELEASE = {
  scope: "work",
  description:
    "Puts the job under this lease back to its place, without spending an attempt. A job that was deferred for longer than its queue's `maxDeferral` spends one.",
  bookmark: true,
  answers: [ok("Job")],
  problems: ["lease-not-found", "stale-lease"],
} as const;

const SECRET_IN_PATH = "Deprecated, but kept: a lease is a secret, and paths are written into logs on the way.";

export const PULL_CALLS = {
  claimJobs: call({
    method: "post",
    path: "/v1/queues/{queue}/claim",
    parameters: { queue: QUEUE },
    scope: "work",
    summary: "Claim jobs, waiting for some when there are none",
    description:
      "Gives a worker up to `max` jobs of a pull queue, each under a lease that ends unless it is extended. Waits up to `wait` seconds when there are none.",
    body: "ClaimRequest",
    bodyOptional: true,
    bookmark: true,
    answers: [ok("Claimed", "Jobs under leases; none when the wait ends")],
    problems: ["queue-not-found", "not-a-pull-queue", "too-many-waiting"],
  }),
  reportJobs: call({
    method: "post",
    path: "/v1/reports",
    scope: "work",
    summary: "Report outcomes and the jobs they spawn, and claim again",
    description:
      "Records the outcomes of up to 100 attempts, each by itself, with the jobs that a success spawns; and claims again in the same call when `claim` is there.",
    body: "ReportsRequest",
    bookmark: true,
    answers: [ok("Reported")],
    problems: [
      "queue-not-found",
      "not-a-pull-queue",
      "too-many-waiting",
      "result-too-large",
      "payload-too-large",
      "keys-need-one-partition",
      "timeout-too-long",
      "backlog-full",
    ],
  }),
  succeedByLease: call({
    method: "post",
    path: "/v1/leases/succeed",
    body: "SucceedLeaseRequest",
    summary: "Report one success and the jobs it spawns",
    ...SUCCEED,
  }),
  failByLease: call({
    method: "post",
    path: "/v1/leases/fail",
    body: "FailLeaseRequest",
    summary: "Report one failure",
    ...FAIL,
  }),
  extendByLease: call({
    method: "post",
    path: "/v1/leases/extend",
    body: "ExtendLeaseRequest",
    summary: "Send a heartbeat, progress and a checkpoint",
    ...EXTEND,
  }),
  releaseByLease: call({
    method: "post",
    path: "/v1/leases/release",
    body: "ReleaseLeaseRequest",
    summary: "Give one job back",
    ...RELEASE,
  }),
  succeedLease: call({
    method: "post",
    path: "/v1/leases/{lease}/succeed",
    parameters: { lease: LEASE },
    body: "SucceedRequest",
    bodyOptional: true,
    summary: "Report one success, with the lease in the path",
    deprecated: `${SECRET_IN_PATH} \`POST /v1/leases/succeed\` takes it in the body.`,
    ...SUCCEED,
  }),
  failLease: call({
    method: "post",
    path: "/v1/leases/{lease}/fail",
    parameters: { lease: LEASE },
    body: "FailRequest",
    summary: "Report one failure, with the lease in the path",
    deprecated: `${SECRET_IN_PATH} \`POST /v1/leases/fail\` takes it in the body.`,
    ...FAIL,
  }),
  releaseLease: call({
    method: "post",
    path: "/v1/leases/{lease}/release",
    parameters: { lease: LEASE },
    body: "ReleaseRequest",
    bodyOptional: true,
    summary: "Give one job back, with the lease in the path",
    deprecated: `${SECRET_IN_PATH} \`POST /v1/leases/release\` takes it in the body.`,
    ...RELEASE,
  }),
  extendLease: call({
    method: "post",
    path: "/v1/leases/{lease}/extend",
    parameters: { lease: LEASE },
    body: "ExtendRequest",
    bodyOptional: true,
    summary: "Send a heartbeat, progress and a checkpoint, with the lease in the path",
    deprecated: `${SECRET_IN_PATH} \`POST /v1/leases/extend\` takes it in the body.`,
    ...EXTEND,
  }),
};
