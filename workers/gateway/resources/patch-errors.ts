import { nameOf, type ProblemError } from "../../../contract/problem.ts";
import { Problem } from "../../../contract/problems.ts";

/**
 * The problem of a patched body, as one of the patch: its pointers lead into what the caller sent. A member that the patched body lacks,
 * in an object of the patch, is pointed to as in any other body. Another fault at a place that the patch does not name stands at the
 * nearest one around it that it does, and says which member it is about. `body` is the patched one.
 */
export function intoPatch(patch: object, problem: Problem, body: unknown): Problem {
  const { errors } = problem.extras;
  if (errors === undefined) return problem;
  const moved = errors.map((error) => nearest(patch, error, body));
  return new Problem(problem.code, problem.detail, { ...problem.extras, errors: moved });
}

function nearest(patch: object, { pointer, detail }: ProblemError, body: unknown): ProblemError {
  const steps = pointer.split("/").slice(1);
  const { depth, at } = follow(patch, steps);
  const begins = depth > 0 && depth === steps.length - 1 && typeof at === "object" && !Array.isArray(at);
  if (depth === steps.length || (begins && follow(body, steps).depth === depth)) return { pointer, detail };
  const named = steps.slice(0, depth).map((step) => `/${step}`);
  return { pointer: named.join(""), detail: withPath(steps.slice(depth), pointer, detail) };
}

/** How many of the steps of a pointer there are in a value, and what is there. */
function follow(value: unknown, steps: readonly string[]): { depth: number; at: unknown } {
  let at = value;
  let depth = 0;
  for (const step of steps) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const member = Object.entries(at ?? {}).find(([key]) => key === name);
    if (typeof at !== "object" || member === undefined) break;
    at = member[1];
    depth += 1;
  }
  return { depth, at };
}

/** A sentence begins with the name of its field: all of the way there is said in its place, not before it. */
function withPath(path: string[], pointer: string, detail: string): string {
  const name = nameOf(pointer) ?? "";
  const rest = path.slice(0, -name.split("[").length);
  if (detail.startsWith(`${name} `)) return [...rest, detail].join(".");
  return SENTENCE.test(detail) ? detail : `${path.join(".")}: ${detail}`;
}

/** Begins with what it is about, which may be an unknown member in backquotes. */
const SENTENCE = /^[`A-Z]/;
