import { writeJson } from "../../../../contract/json-text.ts";
import { isProblem, type Result } from "../../../../contract/problems.ts";
import { WaitingClient } from "../../answered.ts";
import { log, reasonOf } from "../../log.ts";

/** How soon a client that has gone is noticed, at first; the longer it waits, the later, so that many who wait cost little. */
const FIRST_BEAT_MS = 200;
/** Where many wait, and the longest pause is long, the first is a part of it. */
const FIRST_PART = 1 / 8;
/** Each pause is so many times as long as the one before. */
const GROWTH = 2;
/** Where nobody says otherwise. */
const LAST_BEAT_MS = 1_000;
const BEAT = new TextEncoder().encode(" ");

interface StreamedOptions<T> {
  otherwise: T;
  /** Aborted when the client has gone, where the runtime says so. */
  gone: AbortSignal;
  /** Called when the answer is made, or its client has gone; it may be called twice. */
  over?: (() => void) | undefined;
  /** Called at each space; answers after how many milliseconds the next is to come at the latest. */
  beat?: (() => number) | undefined;
}

/**
 * The body of an answer that is sent at once, with the JSON when it is there. Until then a space is sent now and then, which JSON allows in
 * front of a value: only an answer that is under way tells when its client has gone. The runtime then ends the request,
 * and with it `make`; where it has not done that yet the client that `make` was given has left. When `make` fails, `otherwise` is the
 * answer.
 */
export function streamed<T>(
  make: (client: WaitingClient) => Promise<Result<T>>,
  { otherwise, gone, over, beat }: StreamedOptions<T>,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const client = new WaitingClient(() => writer.write(BEAT));
  const leave = () => {
    client.leave();
    over?.();
  };
  gone.addEventListener("abort", leave);
  writer.closed.catch(leave);
  const send = async () => {
    const stop = beating(writer, beat);
    let view = otherwise;
    try {
      const result = await make(client);
      if (isProblem(result)) warn(result);
      else view = result;
    } catch (error) {
      warn(error);
    }
    stop();
    over?.();
    await writer.write(new TextEncoder().encode(writeJson(view)));
    await writer.close();
  };
  // Not in waitUntil: that would keep the request alive when its client has gone.
  void send().catch(leave);
  return readable;
}

function warn(why: unknown): void {
  log("warn", "streamed-answer", { reason: reasonOf(why) });
}

/** Sends spaces until what is returned is called. A client that has gone is told of by `writer.closed`. */
function beating(writer: WritableStreamDefaultWriter<Uint8Array>, beat = () => LAST_BEAT_MS): () => void {
  let ms = FIRST_BEAT_MS;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let stopped = false;
  const next = () => {
    if (stopped) return;
    const longest = beat();
    ms = Math.max(ms, longest * FIRST_PART);
    timer = setTimeout(send, Math.min(ms, longest));
    ms *= GROWTH;
  };
  const send = () => {
    void writer.write(BEAT).then(next, () => undefined);
  };
  next();
  return () => {
    stopped = true;
    if (timer !== null) clearTimeout(timer);
  };
}
