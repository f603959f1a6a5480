import { hash32 } from "./slots.ts";

/** Failures of one kind differ in the numbers, ids and names that their messages carry: without these they are alike. */

/** As much of a message as is looked at. What stands behind it tells kinds apart no better. */
const MAX_READ = 2000;
/** A normalised message is cut here. */
const MAX_NORMALISED = 300;

/** What varies from failure to failure of one kind, in the order it is taken out. */
const VARYING: [pattern: RegExp, placeholder: string][] = [
  [/(\bhttps?:\/\/[^\s?#"'`<>]+)[?#][^\s"'`<>]*/gi, "$1?<query>"],
  [/"[^"\n]*"|`[^`\n]*`/g, "<text>"],
  // An apostrophe inside a word opens no quotation.
  [/(?<!\w)'[^'\n]*'(?!\w)/g, "<text>"],
  [/\bjob_[0-9a-hjkmnp-tv-z]{26}\b/g, "<job>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, "<time>"],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?/g, "<time>"],
  // Hexadecimal digits and decimal ones get one placeholder: a hash may be made of either.
  [/(?:(?<![\w.>])[+-])?\b(?:0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{8,})\b/gi, "<n>"],
  [/(?<![\w.>])[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?|\d+(?:[.,]\d+)*/gi, "<n>"],
  [/\s+/g, " "],
];

/**
 * The message with placeholders for what varies from failure to failure: numbers, ids, times and quotations. It is
 * well-formed Unicode of at most 300 UTF-16 units, and what stands behind the first 2,000 of the message does not
 * matter.
 */
export function normaliseMessage(message: string): string {
  const normalised = VARYING.reduce(
    (text, [pattern, placeholder]) => text.replace(pattern, placeholder),
    message.slice(0, MAX_READ),
  );
  return normalised.trim().slice(0, MAX_NORMALISED).toWellFormed();
}

/**
 * The kind of a failure, as 16 hex digits. It is the same for errors of one code whose messages differ only in what
 * varies, so that failures can be counted by it. It is no cryptographic hash: two kinds may in principle share one.
 */
export function fingerprintOf(error: { code: string; message: string }): string {
  const text = `${error.code}\n${normaliseMessage(error.message)}`;
  const word = (salt: string) => hash32(`${salt}/${text}`).toString(16).padStart(8, "0");
  return word("a") + word("b");
}
