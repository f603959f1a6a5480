import { basePathOf, leadsUpwards } from "../../../domain/service/address.ts";
import type { SentBody } from "./request-body.ts";

export interface UpstreamPorts {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off, which does nothing afterwards. */
  after(ms: number, wake: () => void): () => void;
}

/** One sending of a request to an instance. */
export interface Sending {
  url: string;
  method: string;
  headers: Headers;
  body: SentBody;
  /** How long the answer may take to begin once all was sent, in milliseconds. */
  firstByteMs: number;
  /** Aborted when the whole has taken too long for the service. */
  signal: AbortSignal;
  /** Aborted when the caller wants no answer any more. */
  gone: AbortSignal;
}

/** What came of it. */
export type Sent =
  /** `ms`: how long it took to begin. */
  | { type: "answer"; response: Response; ms: number }
  /** No answer began in time. */
  | { type: "late"; ms: number }
  /** The whole took too long, of which the instance had so much. */
  | { type: "cut"; ms: number }
  /** The caller had gone, or its own deadline passed, before an answer began. */
  | { type: "unwanted" }
  /** There was no connection, or it was lost. */
  | { type: "broken" }
  /** The client did not send all of the body, or the whole took too long for it. */
  | { type: "unsent" };

/** The URL of a path with its query, which begins with a slash, at an instance; null where it would lead anywhere else. */
export function urlWithin(instance: string, rest: string): string | null {
  if (leadsUpwards(rest)) return null;
  const { origin } = new URL(instance);
  const prefix = basePathOf(instance);
  const url = new URL(`${origin}${prefix}${rest}`);
  const isWithin = url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
  return url.origin === origin && isWithin ? url.href : null;
}

/**
 * Sends a request, whose answer has to begin in time: an instance that accepts connections and says nothing holds one no longer than that.
 * Redirects are not followed: an instance could name a place that is not allowed. Never rejects.
 */
export async function sendOnce(
  { url, method, headers, body, firstByteMs, signal, gone }: Sending,
  ports: UpstreamPorts,
): Promise<Sent> {
  const late = new AbortController();
  let sentAt: number | null = null;
  let disarm: () => void = () => undefined;
  let over = false;
  void body.sent?.then(() => {
    if (over) return;
    sentAt = ports.now();
    disarm = ports.after(firstByteMs, () => late.abort());
  });
  const began = ports.now();
  try {
    const response = await ports.fetch(url, {
      method,
      headers,
      body: body.body,
      redirect: "manual",
      signal: AbortSignal.any([signal, gone, late.signal, ...(body.broken === null ? [] : [body.broken])]),
    });
    return { type: "answer", response, ms: ports.now() - (sentAt ?? began) };
  } catch {
    if (body.broken?.aborted) return { type: "unsent" };
    const ms = ports.now() - (sentAt ?? began);
    if (late.signal.aborted) return { type: "late", ms };
    if (gone.aborted) return { type: "unwanted" };
    if (!signal.aborted) return { type: "broken" };
    return sentAt === null && body.sent !== null ? { type: "unsent" } : { type: "cut", ms };
  } finally {
    over = true;
    disarm();
  }
}
