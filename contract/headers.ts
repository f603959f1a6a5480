/** Headers of the API beside the usual, with what they mean: one table for the document. */
export const HEADERS = {
  Age: "An eventual answer was true so many seconds ago, or later.",
  "Cache-Control": "`private` on a succeeded job: it never changes.",
  "Dure-Accepted":
    "`deferred`: the job's shard did not answer. The job is durably accepted, and committed later under this id.",
  "Dure-Bookmark":
    "What the reader has seen. Handed on with every call, it makes `consistency=session` read what was written and never go back. Several, separated by commas, stand for all of them. Only for the namespace it came from.",
  "Dure-Consistency": "The consistency the answer has: strong, session or eventual.",
  "Dure-Namespace": "The namespace to act in. Only the root key may send it.",
  "Dure-Replayed":
    "`true`: an earlier job answers, because the idempotency key was seen before or the deduplication key is held.",
  ETag: "Of a succeeded job; of a queue, a schedule or a subscription its `version`, in quotes.",
  "Idempotency-Key": "The same as the field `idempotencyKey`; for a batch, replays it whole.",
  "If-Match":
    'The `version` that the caller has seen, as an entity tag (`"3"`; several, or `*` for any): the change is refused (412) when it is another by now.',
  "If-None-Match": "An `ETag` seen before.",
  Prefer: "`wait=N` (RFC 7240) holds the answer until the job is final, or N seconds, at most 60.",
  "Preference-Applied": "The preference that was honoured.",
  RateLimit: '`"default";r=…;t=…`: requests left, and seconds until there are more.',
  "RateLimit-Policy": '`"default";q=…;w=…`: requests a window, and its seconds.',
  "Retry-After": "Seconds to wait before another try.",
  "x-request-id": "Names this request; unique.",
} as const;

export type HeaderName = keyof typeof HEADERS;
