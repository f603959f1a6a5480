import type { WorkItem } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { withoutReserved } from "../../../domain/reserved-headers.ts";
import { traceparentOf } from "../../../domain/trace.ts";
import { fits } from "./bytes.ts";
import { type Secrets, signWebhook } from "./webhook.ts";

/** 4 KiB in base64: servers commonly take 8 KiB of headers in all. */
const MAX_CHECKPOINT_BYTES = 3072;

/** What an attempt says whose target has a header that is none. */
export const INVALID_HEADERS = "the target has a header that HTTP does not allow";

interface Facts {
  secrets: Secrets;
  /** 16 hex digits. */
  spanId: string;
  /** Epoch milliseconds. */
  now: number;
  /** When an answer comes too late, epoch milliseconds. */
  deadlineAt: number;
}

/**
 * The headers of an HTTP target's request, signed with the job's id, which stays the same over all attempts. The target's
 * own headers come first, so that they cannot replace any of these. Throws a TypeError for a header that cannot be sent.
 */
export function requestHeaders(item: WorkItem, own: Record<string, string>, facts: Facts): Headers {
  const headers = new Headers(withoutReserved(own));
  headers.set("content-type", "application/json");
  headers.set("dure-job-id", item.id);
  headers.set("dure-queue", item.queue);
  headers.set("dure-attempt", String(item.attempt));
  headers.set("dure-delivery", String(item.delivery ?? item.attempt));
  headers.set("dure-namespace", item.namespace);
  headers.set("dure-lease", item.lease);
  headers.set("dure-deadline", formatTimestamp(facts.deadlineAt));
  const checkpoint = checkpointHeader(item.checkpoint);
  if (checkpoint === null) headers.delete("dure-checkpoint");
  else headers.set("dure-checkpoint", checkpoint);
  headers.set("idempotency-key", item.id);
  headers.set("traceparent", traceparentOf(item.id, item.traceparent ?? null, facts.spanId));
  headers.delete("tracestate");
  signWebhook(headers, { id: item.id, body: item.payload }, facts);
  return headers;
}

/** A checkpoint as base64url of its JSON; null when there is none, or when it is too long for a header. */
function checkpointHeader(checkpoint: string | null): string | null {
  if (checkpoint === null || !fits(checkpoint, MAX_CHECKPOINT_BYTES)) return null;
  const text = btoa(String.fromCharCode(...new TextEncoder().encode(checkpoint)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
