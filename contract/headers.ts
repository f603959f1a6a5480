/** What a header of the API says, beside the usual ones. */
export interface HeaderText {
  /** Sentences. */
  description: string;
  example: string;
}

/** Headers of the API beside the usual, with what they mean: one table for the document. */
export const HEADERS = {
  Age: {
    description: "An eventual answer was true so many seconds ago, or later.",
    example: "12",
  },
  "Cache-Control": {
    description: "`private` on a succeeded job: it never changes.",
    example: "private",
  },
  "Dure-Accepted": {
    description:
      "`deferred`: the job's shard did not answer. The job is durably accepted, and committed later under this id.",
    example: "deferred",
  },
  "Dure-Attempts": {
    description: "An instance of the service has answered, and the request was sent to so many.",
    example: "1",
  },
  "Dure-Bookmark": {
    description:
      "What the reader has seen. Handed on with every call, it makes `consistency=session` read what was written and never go back. Several, separated by commas, stand for all of them. Only for the namespace it came from.",
    example: "eyJ2IjoxfQ.3f9c21d07a5be864f00ba4",
  },
  "Dure-Consistency": {
    description: "The consistency the answer has: strong, session or eventual.",
    example: "strong",
  },
  "Dure-Deadline": {
    description:
      "The time by which the caller needs the answer (RFC 3339), where that is sooner than the service's `timeout`. The instance is sent it.",
    example: "2026-11-22T18:00:01.250Z",
  },
  "Dure-Namespace": {
    description: "The namespace to act in. Only the root key may send it.",
    example: "tenant-a",
  },
  "Dure-Ordering-Key": {
    description: "What requests have in common that are to go to one instance, where the service's strategy is `hash`.",
    example: "user-17",
  },
  "Dure-Replayed": {
    description:
      "`true`: an earlier job answers, because the idempotency key was seen before or the deduplication key is held.",
    example: "true",
  },
  ETag: {
    description:
      "Of a queue, a schedule, a subscription or a service its `version`, in quotes; of a job a text with its id and its `version`. `If-Match` takes it, or the `version` in quotes.",
    example: '"3"',
  },
  "Idempotency-Key": {
    description: "The same as the field `idempotencyKey`; for a batch, replays it whole.",
    example: "order-991",
  },
  "If-Match": {
    description:
      'The `version` that the caller has seen, as an entity tag (`"3"`; several, or `*` for any): the change is refused (412) when it is another by now.',
    example: '"3"',
  },
  "If-None-Match": {
    description: "An `ETag` seen before.",
    example: '"3"',
  },
  Prefer: {
    description: "`wait=N` (RFC 7240) holds the answer until the job is final, or N seconds, at most 60.",
    example: "wait=20",
  },
  "Preference-Applied": {
    description: "The preference that was honoured.",
    example: "wait=20",
  },
  RateLimit: {
    description:
      '`"default";r=…;t=…`: units left of the key\'s budget, and seconds until there are more, in a 429 until the request may be sent again; 0 where all are left. `"namespace"` says the same of all keys of the namespace together. As known where the request was answered: other requests may spend them meanwhile.',
    example: '"default";r=9999;t=1, "namespace";r=99990;t=1',
  },
  "RateLimit-Policy": {
    description:
      '`"default";q=…;w=…`: units that the key may spend in a window, and its seconds; they come back evenly over it. `"namespace"` is the budget of all keys of the namespace together, where it has one.',
    example: '"default";q=10000;w=10, "namespace";q=100000;w=10',
  },
  "Retry-After": {
    description: "Seconds to wait before another try.",
    example: "5",
  },
  traceparent: {
    description:
      "The trace that the request belongs to (W3C Trace Context). A job that is submitted with it belongs to that trace too: so do the requests to its target, its claims, its events, and the jobs that it brings. One that is not valid is ignored.",
    example: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  },
  "x-request-id": {
    description: "Names this request; unique.",
    example: "7e0a3c0e-6a35-4d6c-9a0e-0f8f9b3d5c11",
  },
} as const satisfies Record<string, HeaderText>;

export type HeaderName = keyof typeof HEADERS;
