import { call, ok } from "./call.ts";
import { LEASE, QUEUE } from "./parameters.ts";

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
    ],
  }),
  succeedLease: call({
    method: "post",
    path: "/v1/leases/{lease}/succeed",
    parameters: { lease: LEASE },
    scope: "work",
    summary: "Report one success and the jobs it spawns",
    description:
      "Records that the attempt under this lease has succeeded, with its result and the jobs that it spawns.",
    body: "SucceedRequest",
    bodyOptional: true,
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
    ],
  }),
  failLease: call({
    method: "post",
    path: "/v1/leases/{lease}/fail",
    parameters: { lease: LEASE },
    scope: "work",
    summary: "Report one failure",
    description:
      "Records that the attempt under this lease has failed. The job is tried again by its retry policy unless the error says that this is no use.",
    body: "FailRequest",
    bookmark: true,
    answers: [ok("Job")],
    problems: ["lease-not-found", "stale-lease"],
  }),
  extendLease: call({
    method: "post",
    path: "/v1/leases/{lease}/extend",
    parameters: { lease: LEASE },
    scope: "work",
    summary: "Send a heartbeat, progress and a checkpoint",
    description:
      "Moves the end of the lease, and stores progress and a checkpoint. The answer says when the job was cancelled meanwhile.",
    body: "ExtendRequest",
    bodyOptional: true,
    answers: [ok("Extended")],
    problems: ["lease-not-found", "stale-lease", "checkpoint-too-large"],
  }),
};
