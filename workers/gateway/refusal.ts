import type { ProblemCode, ProblemError } from "../../contract/problem.ts";
import { invalid, isProblem, Problem, type ProblemExtras, type Result } from "../../contract/problems.ts";

/** Thrown by what does not answer its problems as values yet. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = "Refusal";
    this.problem = new Problem(code, detail, extras);
  }

  get code(): ProblemCode {
    return this.problem.code;
  }

  get extras(): ProblemExtras & { errors?: ProblemError[] } {
    return this.problem.extras;
  }
}

export function refusalOf({ code, detail, extras }: Problem): Refusal {
  return new Refusal(code, detail, extras);
}

/** The value; throws where there is a problem. */
export function orThrow<T>(result: Result<T>): T {
  if (isProblem(result)) throw refusalOf(result);
  return result as T;
}

export function invalidField(pointer: string, detail: string): Refusal {
  return refusalOf(invalid.field(pointer, detail));
}

/** What `work` comes to, with what it threw as a value. */
export async function settled<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
}
