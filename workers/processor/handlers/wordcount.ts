import { type Handler, HandlerFailure, type JsonValue } from "../handler.ts";

/** Words are runs of letters and digits of any script; a combining mark that stands alone ends one. */
const WORD = /[\p{L}\p{N}]+/gu;

/** `{"text"}` -> `{"words": n, "counts": {word: n}}`, words lower-cased. */
const wordcount: Handler = (payload) => {
  const text = textOf(payload);
  // No prototype: "constructor" and "__proto__" are words like any other.
  const counts: Record<string, number> = Object.create(null);
  let words = 0;
  for (const [match] of text.matchAll(WORD)) {
    // Lower-cased after the match: "İ" becomes two code points, the second a mark that would split the word.
    const word = match.toLowerCase();
    counts[word] = (counts[word] ?? 0) + 1;
    words++;
  }
  return { words, counts };
};

export default wordcount;

function textOf(payload: JsonValue): string {
  const text =
    payload !== null && typeof payload === "object" && !Array.isArray(payload) && Object.hasOwn(payload, "text")
      ? payload.text
      : undefined;
  if (typeof text === "string") return text;
  throw new HandlerFailure("invalid-payload", 'the payload must be an object with a string "text"', {
    retryable: false,
  });
}
