import { describe, expect, test } from "vitest";
import { DeferredMessage, IngestEnvelope, IngestMessage } from "../../../contract/ingest.ts";
import { makeJobId } from "../../../domain/job-id.ts";

describe("messages", () => {
  test("of other Workers are strict", () => {
    const job = { payload: 1 };
    expect(IngestMessage.safeParse({ type: "submit", job }).success).toBe(true);
    expect(IngestMessage.safeParse({ type: "submit", job, jobs: [] }).success).toBe(false);
    expect(IngestMessage.safeParse({ type: "submit", job, namespace: "Not a name" }).success).toBe(false);
    expect(IngestMessage.safeParse({ type: "submitBatch", jobs: [job], idempotencyKey: "k" }).success).toBe(true);
    expect(IngestMessage.safeParse({ type: "submitBatch", jobs: [{ what: 1 }] }).success).toBe(false);
  });

  test("are read job by job, so that one costs only itself", () => {
    const read = IngestEnvelope.parse({ type: "submitBatch", jobs: [{ what: 1 }] });
    expect(read).toEqual({ type: "submitBatch", atomic: false, jobs: [{ what: 1 }] });
  });

  test("with deferred jobs need a place and a payload, and may have more", () => {
    const job = { id: makeJobId(1, 7, new Uint8Array(8)), partition: 0, payload: "1" };
    const message = { type: "deferred", v: 1, namespace: "default", queue: "q", job, more: true };
    expect(DeferredMessage.safeParse(message).success).toBe(true);
    expect(DeferredMessage.safeParse({ ...message, v: 2 }).success).toBe(false);
    expect(DeferredMessage.safeParse({ ...message, job: { ...job, id: "job_x" } }).success).toBe(false);
    expect(DeferredMessage.safeParse({ ...message, job: { ...job, partition: null } }).success).toBe(false);
  });
});
