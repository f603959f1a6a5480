import { isProblem, notFound, type Problem, type Result } from "../../contract/problems.ts";
import { fromDatabase } from "./database.ts";

/** Thrown by what does not answer its problems as values yet. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The value; throws where there is a problem. */
export function orThrow<T>(result: Result<T>): T {
  if (isProblem(result)) throw new Refusal(result);
  return result as T;
}

export async function orUnavailable<T>(read: () => Promise<T>): Promise<T> {
  return orThrow(await fromDatabase(read));
}

export function queueNotFound(queue: string): Refusal {
  return new Refusal(notFound.queue(queue));
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
