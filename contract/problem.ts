import * as z from "zod";
import { described, field } from "./field.ts";
import { RETRIES } from "./problem-explanation.ts";
import { PROBLEMS, type ProblemCode, type ProblemStatus } from "./problem-types.ts";
import { fieldSentence, unknownMember } from "./sentence.ts";

/** Errors on the wire: `application/problem+json`, RFC 9457. */

export { PROBLEMS, type ProblemCode, type ProblemStatus } from "./problem-types.ts";

/** One fault in a request. */
export const ProblemError = z.strictObject({
  pointer: field(
    z.string(),
    "Where the fault is: a JSON Pointer (RFC 6901) into the body; empty for the body as a whole.",
    "/priority",
  ),
  header: field(
    z.string().optional(),
    "The header that the fault is in, by its name; the pointer is that name in lower case then, and points to nothing in the body. Left out where no header is at fault.",
    "Idempotency-Key",
  ),
  detail: field(
    z.string(),
    "What is wrong there, as a sentence for people.",
    "priority is a whole number from 0 to 9.",
  ),
});
export type ProblemError = z.infer<typeof ProblemError>;

/** `code` is open on the wire: codes may be added, and a problem may have members of its own (RFC 9457, 3.2). */
export const ProblemView = described(
  z.looseObject({
    type: field(
      z.string(),
      "The kind of the problem as a relative URL, which explains it: `/problems/` and the code.",
      "/problems/invalid-request",
    ),
    title: field(
      z.string(),
      "The kind of the problem in a few words, the same at every occurrence.",
      PROBLEMS["invalid-request"].title,
    ),
    status: field(z.int().min(400).max(599), "The HTTP status of the answer; inside an item, that of the item.", 400),
    detail: field(z.string(), "What happened this time, as a sentence for people.", "The request is not valid."),
    code: field(z.string(), "The kind of the problem for programs. Codes may be added.", "invalid-request"),
    errors: field(
      z.array(ProblemError).optional(),
      "The faults that were found, at most 50, where they can be pointed to. Left out when there are none.",
      [{ pointer: "/priority", detail: "priority is a whole number from 0 to 9." }],
    ),
  }),
  "Why a request, or an item of one, was refused (RFC 9457). A problem may have members beyond these, such as `retryAfter` in seconds.",
);
export type ProblemView = z.infer<typeof ProblemView>;

/** The problem of `code`; title and status come from the table. */
export function problem(
  code: ProblemCode,
  detail: string,
  errors?: ProblemError[],
): ProblemView & { code: ProblemCode; status: ProblemStatus } {
  const { status, title } = PROBLEMS[code];
  return { type: `/problems/${code}`, title, status, detail, code, ...(errors === undefined ? {} : { errors }) };
}

/** More than this many faults of one request help nobody, and a hostile body could have a million. */
const MAX_ERRORS = 50;

/**
 * The faults zod found, each in a sentence that begins with the name of its field. `prefix` is the pointer of the parsed
 * value in the body ("" for the whole, "/jobs/13").
 */
export function errorsOf(error: z.ZodError, prefix = ""): ProblemError[] {
  const errors: ProblemError[] = [];
  for (const issue of error.issues) {
    const pointer = prefix + issue.path.map((part) => `/${escapePointer(String(part))}`).join("");
    const name = nameOf(pointer);
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys.slice(0, MAX_ERRORS)) {
        const detail = unknownMember(key, issue.keys, name);
        errors.push({ pointer: `${pointer}/${escapePointer(key)}`, detail });
      }
    } else {
      const detail = fieldSentence(name ?? "The request", issue.message);
      // Several checks of one value are told in the same sentence.
      if (errors.at(-1)?.pointer !== pointer || errors.at(-1)?.detail !== detail) errors.push({ pointer, detail });
    }
    if (errors.length >= MAX_ERRORS) return errors.slice(0, MAX_ERRORS);
  }
  return errors;
}

/** What a sentence calls the field at `pointer`: `priority`, `tags[0]`; null for the whole. */
export function nameOf(pointer: string): string | null {
  const parts = pointer.split("/").slice(1);
  const start = parts.findLastIndex((part) => !/^\d+$/.test(part));
  const [name, ...indexes] = parts.slice(Math.max(0, start));
  return name === undefined ? null : name + indexes.map((index) => `[${index}]`).join("");
}

/** Names in a pointer can be a caller's own unknown keys: cut so that an answer stays small. */
export function escapePointer(part: string): string {
  return part.slice(0, 200).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A kind of problem, as it is explained to people. */
export const ProblemTypeView = described(
  z.strictObject({
    type: field(z.string(), "The relative URL of this explanation, as problems have it.", "/problems/queue-not-found"),
    code: field(z.string(), "The kind of the problem for programs.", "queue-not-found"),
    status: field(z.int().min(400).max(599), "The HTTP status of answers of this kind.", 404),
    title: field(z.string(), "The kind in a few words.", PROBLEMS["queue-not-found"].title),
    happened: field(z.string(), "What has happened, in sentences.", PROBLEMS["queue-not-found"].happened),
    remedy: field(z.string(), "What to do about it, in sentences.", PROBLEMS["queue-not-found"].remedy),
    retry: field(
      z.enum(RETRIES),
      "Whether the same request may be sent again: `no`, it would be answered alike; `later`, it may be answered otherwise by itself; `changed`, once the remedy is done.",
      "changed",
    ),
  }),
  "What a kind of problem means.",
);
export type ProblemTypeView = z.infer<typeof ProblemTypeView>;
