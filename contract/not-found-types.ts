import type { ProblemExplanation } from "./problem-explanation.ts";

/** The problems that say that something is not there. */
export const NOT_FOUND = {
  "not-found": {
    status: 404,
    title: "There is nothing here",
    happened: "No call of the API has this path.",
    remedy: "Compare the path with `GET /openapi.json`.",
    retry: "no",
  },
  "job-not-found": {
    status: 404,
    title: "There is no such job",
    happened: "The namespace has no job with this id: it never was, was deleted, or its queue's retention has ended.",
    remedy: "Check the id and the namespace of the key: a job of another namespace is not found either.",
    retry: "no",
  },
  "queue-not-found": {
    status: 404,
    title: "There is no such queue",
    happened:
      "The namespace has no queue of this name. Queues other than `default` are not made by submitting to them.",
    remedy: "Create it with `PUT /v1/queues/{queue}`, or correct the name.",
    retry: "changed",
  },
  "schedule-not-found": {
    status: 404,
    title: "There is no such schedule",
    happened: "The namespace has no schedule of this name.",
    remedy: "`GET /v1/schedules` lists them; `PUT /v1/schedules/{schedule}` creates one.",
    retry: "changed",
  },
  "subscription-not-found": {
    status: 404,
    title: "There is no such subscription",
    happened: "The namespace has no subscription of this name.",
    remedy: "`GET /v1/subscriptions` lists them; `PUT /v1/subscriptions/{subscription}` creates one.",
    retry: "changed",
  },
  "service-not-found": {
    status: 404,
    title: "There is no such service",
    happened: "The namespace has no service of this name.",
    remedy: "`GET /v1/services` lists them; `PUT /v1/services/{service}` creates one.",
    retry: "changed",
  },
  "lease-not-found": {
    status: 404,
    title: "There never was such a lease",
    happened:
      "The lease was never given for a job of this namespace, or its job ended so long ago that it is forgotten.",
    remedy: "Send the `lease` of a claimed job as it came, with a key of the same namespace, and drop this attempt.",
    retry: "no",
  },
  "namespace-not-found": {
    status: 404,
    title: "There is no such namespace",
    happened: "The namespace that the request names, in `Dure-Namespace` or in its body, does not exist.",
    remedy: "Create it with `PUT /v1/namespaces/{name}` and the root key, or correct the name.",
    retry: "changed",
  },
  "key-not-found": {
    status: 404,
    title: "There is no such API key",
    happened: "The namespace has no API key with this id, or it is revoked already.",
    remedy: "`GET /v1/keys` lists those that there are. A key that is not listed opens nothing.",
    retry: "no",
  },
  "operation-not-found": {
    status: 404,
    title: "There is no such operation",
    happened: "The namespace has no operation with this id: it never was, or it ended more than seven days ago.",
    remedy: "`GET /v1/operations` lists those that are kept.",
    retry: "no",
  },
} as const satisfies Record<string, ProblemExplanation>;
