import * as z from "zod";
import { parseJobId } from "../domain/job-id.ts";
import { BatchBody } from "./batch.ts";
import { described, field } from "./field.ts";
import { SubmitBody } from "./job.ts";
import { MAX_BATCH_JOBS } from "./limits.ts";
import { Key, Name } from "./primitives.ts";
import type { NewJob } from "./rpc.ts";

/**
 * What the Queue `dure-ingest` carries: submissions of other Workers of the account, and jobs that the gateway could not
 * hand to their shard.
 */

/**
 * Whose submission it is. With a `key` (a whole API key with the scope `submit`) that decides, and only the root key may
 * name a namespace beside it. Without one, who could bind the Queue is trusted, and the namespace is the named one or
 * `default`.
 */
const sender = {
  namespace: field(
    Name.optional(),
    "The namespace to submit to. Beside a `key` only the root key may name one. Left out: that of the key, or `default`.",
    "default",
  ),
  key: field(
    z.string().max(512).optional(),
    "A whole API key with the scope `submit`. Left out: whoever can send to the Queue is trusted.",
    "dure_01m81y5hxdfwy87v7akx_4mD0vTq3nYbW8sKeXrLc2HuJpZaF7gNiQo1Rt5UyBx9",
  ),
};

/** The trace of the submission. */
const traced = {
  traceparent: field(
    z.string().max(512).optional(),
    "The trace to which the jobs belong: the header `traceparent` of HTTP (W3C Trace Context). One that is not valid is ignored, as there.",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  ),
};

/** One job, as `POST /v1/jobs` takes it. */
export const IngestSubmit = described(
  z.strictObject({
    type: field(z.literal("submit"), "`submit`: one job.", "submit"),
    ...sender,
    ...traced,
    job: field(SubmitBody, "The job, as `POST /v1/jobs` takes it."),
  }),
  "A submission of one job.",
  { type: "submit", namespace: "default", job: { payload: { to: "a@b.example" } } },
);

/** Many jobs, as `POST /v1/batches` takes them; `idempotencyKey` is that call's header. */
export const IngestBatch = described(
  z.strictObject({
    type: field(z.literal("submitBatch"), "`submitBatch`: several jobs.", "submitBatch"),
    ...sender,
    ...traced,
    atomic: BatchBody.shape.atomic,
    idempotencyKey: field(
      Key.optional(),
      "Names the batch, so that the same one sent again is accepted once: the header `Idempotency-Key` of `POST /v1/batches`.",
      "orders-2026-11-22",
    ),
    jobs: BatchBody.shape.jobs,
  }),
  "A submission of several jobs.",
  { type: "submitBatch", namespace: "default", atomic: true, jobs: [{ payload: { to: "a@b.example" } }] },
);

/** What another Worker may send, as it is documented. `atomic` may be left out. */
export const IngestMessage = described(
  z.discriminatedUnion("type", [IngestSubmit, IngestBatch]),
  "What a Worker of the account sends to the Queue `dure-ingest`: one job, or several.",
  { type: "submit", namespace: "default", job: { payload: { to: "a@b.example" } } },
);
export type IngestMessage = z.input<typeof IngestMessage>;

/** What is parsed first. Each job is then parsed alone, because in a batch that is not atomic a bad one costs only itself. */
export const IngestEnvelope = z.discriminatedUnion("type", [
  z.strictObject({ ...IngestSubmit.shape, job: z.unknown() }),
  z.strictObject({ ...IngestBatch.shape, jobs: z.array(z.unknown()).min(1).max(MAX_BATCH_JOBS) }),
]);
export type IngestEnvelope = z.output<typeof IngestEnvelope>;

/** A job with its place, but without the index of its queue. */
export type DeferredJob = Omit<NewJob, "queue">;

/** A job that was accepted (202) without its shard. The gateway alone sends these. Fields are only ever added. */
export const DeferredMessage = z.looseObject({
  type: z.literal("deferred"),
  v: z.literal(1),
  namespace: Name,
  queue: Name,
  job: z.custom<DeferredJob>(isDeferredJob),
});
export type DeferredMessage = z.infer<typeof DeferredMessage>;

/** Dure's own words are not taken apart again (`rpc.ts`): enough that it is one, with a place. */
function isDeferredJob(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, partition, payload } = value as Partial<DeferredJob>;
  return (
    typeof id === "string" && parseJobId(id) !== null && Number.isInteger(partition) && typeof payload === "string"
  );
}

/** A message may have 128 kB, of which about a hundred bytes are the platform's. */
export const MAX_DEFERRED_BYTES = 127_000;

/** A Queue drops a message after four days. As long as one can come, and a day more, its job must be known. */
export const DEFERRED_KNOWN_MS = 5 * 86_400_000;
