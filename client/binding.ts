/**
 * For Workers that are bound to Dure's entrypoint (`service = "dure-gateway"`, `entrypoint = "Dure"`): the type of the
 * binding, and its errors as the client has them.
 */
import type { ProblemView } from "../contract/problem.ts";
import { DureError, networkError } from "./error.ts";

export type { Answer, As, DureBinding, DureProps, Meta } from "../contract/binding.ts";

/**
 * What a call of the binding threw, as a `DureError`: RPC carries the problem's members over, not the class. An error that
 * is no problem (the call broke off, nobody knows whether it was done) has the code `network` and the status 0.
 */
export function bindingError(thrown: unknown): DureError {
  if (thrown instanceof DureError) return thrown;
  const { type, title, status, detail, code, errors, retryAfter } = (thrown ?? {}) as Partial<ProblemView>;
  if (typeof code !== "string" || typeof status !== "number") return networkError(thrown);
  const problem = { type: type ?? `/problems/${code}`, title: title ?? "", status, detail: detail ?? "", code };
  const retryAfterMs = typeof retryAfter === "number" ? retryAfter * 1000 : null;
  return new DureError({ ...problem, ...(errors === undefined ? {} : { errors }) }, { retryAfterMs, cause: thrown });
}
