import * as z from "zod";
import { MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_WORKER_BYTES } from "./limits.ts";
import { formatBytes, says } from "./sentence.ts";

/** Strings of the API with their limits. */

const encoder = new TextEncoder();
/** Most texts have one byte a character: to look costs a tenth of what it costs to encode them. */
const ASCII = /^\p{ASCII}*$/u;

/** Bytes of `text` in UTF-8. Short texts of a large limit are common: compare `length * 3` first where speed matters. */
export function utf8Bytes(text: string): number {
  return ASCII.test(text) ? text.length : encoder.encode(text).length;
}

/**
 * Whether `text` is 1 to `maxBytes` bytes of well-formed UTF-8 without NUL. A lone surrogate would come back
 * from SQLite as another character, and a NUL cuts text short in C code.
 */
export function isPlainText(text: string, maxBytes: number): boolean {
  const { length } = text;
  if (length === 0 || length > maxBytes || text.includes("\0") || !text.isWellFormed()) return false;
  return length * 3 <= maxBytes || utf8Bytes(text) <= maxBytes;
}

export function plainText(maxBytes: number) {
  return z
    .string(
      says(
        `is a text that is not empty, of at most ${formatBytes(maxBytes)} in UTF-8, without NUL and lone surrogates`,
      ),
    )
    .refine((text) => isPlainText(text, maxBytes))
    .meta({ minLength: 1, maxLength: maxBytes });
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** What a `Name` is, as the end of a sentence. */
export const NAME_RULE =
  "holds lower-case letters, digits, dots, underscores and hyphens, and begins with a letter or a digit: 1 to 63 characters";

/** Namespaces, queues, handlers, API keys' names. */
export const Name = z.string(says(NAME_RULE)).regex(NAME);

/** Ordering and idempotency keys. */
export const Key = plainText(MAX_KEY_BYTES);

export const Tag = plainText(MAX_TAG_BYTES);

/** What a pull worker calls itself: a host, a process. */
export const WorkerName = plainText(MAX_WORKER_BYTES);
