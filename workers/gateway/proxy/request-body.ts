import { invalid, type Result, serviceProblem } from "../../../contract/problems.ts";
import { formatBytes } from "../../../contract/sentence.ts";
import { LATE, within } from "../deadline.ts";
import type { KeptBodies } from "./kept-bodies.ts";
import { whenAborted } from "./when-aborted.ts";

/** A body of a stated length up to this is kept, so that it can be sent again: 64 KiB, which an isolate can have of many requests. */
export const MAX_REPLAYED_BYTES = 64 * 1024;

/** The body of a request, as it is sent on. */
export type ProxyBody =
  | { type: "none" }
  /** It is here, and can be sent as often as need be, until it is released. */
  | { type: "whole"; bytes: Uint8Array; release(): void }
  /** It is sent as it comes, once. */
  | { type: "stream"; source: ReadableStream<Uint8Array>; length: number | null };

/** One sending of a body. */
export interface SentBody {
  body: BodyInit | null;
  /** Resolved when all of it was sent; it never rejects, and stays open where it breaks off. Null where nobody can tell. */
  sent: Promise<void> | null;
  /**
   * Aborted when the client has not sent all of it: what came of the request says nothing of the instance then. Null where nobody can tell,
   * or where it is all here.
   */
  broken: AbortSignal | null;
}

const SENT: Promise<void> = Promise.resolve();

/** How long a body may take to come, whose it is, and where it is counted while it is kept. */
export interface Taking {
  ms: number;
  namespace: string;
  kept: KeptBodies;
  /** Aborted when the caller wants no answer any more: then its body counts no longer, whether it has come or not. */
  gone: AbortSignal;
  /** Epoch milliseconds. */
  now: number;
}

/**
 * Takes the body of a request: one that is small enough, and whose length is stated, before anything is sent, so that a client
 * which is slow takes no room of the service. Where there is no memory for it, it is a stream like a large one.
 */
export async function takeBody(request: Request, taking: Taking): Promise<Result<ProxyBody>> {
  const { body: source, method } = request;
  if (source === null) return { type: "none" };
  if (method === "GET" || method === "HEAD") return noneIn(source, method, taking.ms);
  const stated = request.headers.get("content-length");
  const length = stated !== null && /^\d+$/.test(stated) ? Number(stated) : null;
  if (length === 0) return { type: "none" };
  const release = length === null || length > MAX_REPLAYED_BYTES ? null : roomFor(length, taking);
  if (length === null || release === null) return { type: "stream", source, length };
  const bytes = await within(
    taking.ms,
    request.arrayBuffer().catch(() => null),
  );
  if (bytes instanceof ArrayBuffer) return { type: "whole", bytes: new Uint8Array(bytes), release };
  release();
  return bytes === LATE
    ? invalid.request(`The body of ${formatBytes(length)} did not come in time.`)
    : invalid.request("The body broke off.");
}

/** With these methods the runtime sends no body. Chunks may turn out to be none. */
async function noneIn(source: ReadableStream<Uint8Array>, method: string, ms: number): Promise<Result<ProxyBody>> {
  const reader = source.getReader();
  const first = await within(
    ms,
    reader.read().catch(() => null),
  );
  if (first !== LATE && first?.done === true) return { type: "none" };
  reader.cancel().catch(() => undefined);
  return serviceProblem.bodyOfGet(method);
}

/** Room for a body, which is given back in the listener itself: with its client the runtime may end what would run then. */
function roomFor(bytes: number, { ms, namespace, kept, gone, now }: Taking): (() => void) | null {
  const release = kept.take({ namespace, bytes, ms }, now);
  if (release !== null) whenAborted(gone, release);
  return release;
}

/** The body for one sending. A stream can be sent once. */
export function sentBody(body: ProxyBody): SentBody {
  const whole = (bytes: Uint8Array | null): SentBody => ({ body: bytes, sent: SENT, broken: null });
  switch (body.type) {
    case "none":
      return whole(null);
    case "whole":
      return whole(body.bytes);
    case "stream":
      // What is not the client's own stream the runtime ends, when it breaks off, as if it were whole: it writes the last chunk.
      if (body.length === null) return { body: body.source, sent: null, broken: null };
      return pumped(body.source, body.length);
  }
}

/** Passes a stream on chunk by chunk: only so can be told which end of it has failed, and when all of it was sent. */
function pumped(source: ReadableStream<Uint8Array>, length: number): SentBody {
  const { readable, writable } = new FixedLengthStream(length);
  const reader = source.getReader();
  const writer = writable.getWriter();
  const broken = new AbortController();
  const sent = new Promise<void>((resolve) => {
    const pump = async () => {
      for (;;) {
        const next = await reader.read().catch((error: unknown) => {
          // With the runtime's own reason, by which it does not take that for a fault of this Worker.
          broken.abort(error);
          return null;
        });
        if (next === null) return;
        if (next.done) break;
        await writer.write(next.value);
      }
      await writer.close();
      resolve();
    };
    // What fails here is the far side, of which the answer, or its lack, says more.
    pump().catch(() => reader.cancel().catch(() => undefined));
  });
  return { body: readable, sent, broken: broken.signal };
}
