import type { ProblemView } from "../../../../contract/problem.ts";

/**
 * The error that a call of the binding throws: an `Error` that has the problem's members (`code`, `status`, `title`,
 * `detail`, `errors`, `retryAfter`, ...) as its own properties. Those survive RPC, a class of ours would not.
 */
export function problemError(problem: ProblemView): Error {
  const error = new Error(problem.detail === "" ? problem.title : problem.detail);
  error.name = "DureError";
  return Object.assign(error, problem);
}
