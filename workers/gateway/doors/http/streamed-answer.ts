import { writeJson } from "../../../../contract/json-text.ts";
import { isProblem, type Result } from "../../../../contract/problems.ts";
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
  left?: (() => void) | undefined;
  /** Called at each space; answers after how many milliseconds the next is to come at the latest. */
  beat?: (() => number) | undefined;
}

/**
 * The body of an answer that is sent at once, with the JSON when it is there. Until then a space is sent now and then, which JSON allows in
 * front of a value: only an answer that is under way tells when its client has gone. The runtime then ends the request,
 * and with it `make`; where it has not done that yet the signal that `make` was given is aborted, and `left` is called. When `make` fails,
 * `otherwise` is the answer.
 */
export function streamed<T>(
  make: (gone: AbortSignal) => Promise<Result<T>>,
  { otherwise, gone, left, beat }: StreamedOptions<T>,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const leaving = new AbortController();
  const leave = () => {
    leaving.abort();
    left?.();
  };
  gone.addEventListener("abort", leave);
  writer.closed.catch(leave);
  const failed = (why: unknown): T => {
    log("warn", "streamed-answer", { reason: reasonOf(why) });
    return otherwise;
  };
  const made = make(leaving.signal).then((result) => (isProblem(result) ? failed(result) : result), failed);
  // Not in waitUntil: that would keep the request alive when its client has gone.
  void send(
    writer,
    made.then((view) => writeJson(view)),
    beat,
  ).catch(leave);
  return readable;
}

async function send(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  made: Promise<string>,
  beat: () => number = () => LAST_BEAT_MS,
): Promise<void> {
  let isMade = false;
  let wake: (() => void) | null = null;
  // Once, and not a race at each space: what waits for a promise stays with it until it is settled.
  const answer = made.finally(() => {
    isMade = true;
    wake?.();
  });
  for (let ms = FIRST_BEAT_MS; !isMade; ms *= GROWTH) {
    const longest = beat();
    ms = Math.max(ms, longest * FIRST_PART);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, longest));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (!isMade) await writer.write(BEAT);
  }
  await writer.write(new TextEncoder().encode(await answer));
  await writer.close();
}
