/** Headers of the API beside the usual, with what they mean: one table for the document. */
export const HEADERS = {
  Age: "Seconds since an eventual answer was true.",
  "Cache-Control": "`private` on a succeeded job: it never changes.",
  "Dure-Bookmark":
    "A point in the history of the data. Sent back with `consistency=session`, reads are never older than it.",
  "Dure-Consistency": "The consistency the answer has: strong, session or eventual.",
  "Dure-Namespace": "The namespace to act in. Only the root key may send it.",
  "Dure-Replayed":
    "`true`: an earlier job answers, because the idempotency key was seen before or the deduplication key is held.",
  ETag: "Of a succeeded job.",
  "Idempotency-Key": "The same as the field `idempotencyKey`; for a batch, replays it whole.",
  "If-None-Match": "An `ETag` seen before.",
  Prefer: "`wait=N` (RFC 7240) holds the answer until the job is final, or N seconds, at most 60.",
  "Preference-Applied": "The preference that was honoured.",
  RateLimit: '`"default";r=…;t=…`: requests left, and seconds until there are more.',
  "RateLimit-Policy": '`"default";q=…;w=…`: requests a window, and its seconds.',
  "Retry-After": "Seconds to wait before another try.",
  "x-request-id": "Names this request; unique.",
} as const;

export type HeaderName = keyof typeof HEADERS;
