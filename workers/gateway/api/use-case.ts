import type { BodyOf, CallDefinition, ParameterOf, QueryOf, ViewOf } from "../../../contract/http/call.ts";
import type { CallName, Calls } from "../../../contract/http/calls.ts";
import type { Result } from "../../../contract/problems.ts";
import type { Answered } from "../answered.ts";
import type { Context, Visit } from "../context.ts";

/** What a caller sends with a call: checked by its definition, whichever door it came through. */
export interface Input<Call extends CallDefinition> {
  params: Record<ParameterOf<Call["path"]>, string>;
  query: QueryOf<Call>;
  body: BodyOf<Call>;
  /** The request's own idempotency key, where the call takes one. */
  idempotencyKey: string | null;
  /** The trace of the request (`traceparent`), where the call takes one and it is valid. */
  traceparent: string | null;
  /** How long the caller waits for a final state, where the call takes that; 0 is not at all. */
  waitMs: number;
  /** The version that the caller has seen (`If-Match`), where the call takes one. */
  ifMatch: string | null;
}

/** What any call was sent, before its own types are known. */
export type AnyInput = Omit<Input<CallDefinition>, "query" | "body"> & { query: unknown; body: unknown };

/** A use case: what a call of the API does. It knows of no door, and answers expected refusals as values. */
export type UseCase<Name extends CallName> = (
  context: Calls[Name] extends { scope: "public" } ? Visit : Context,
  input: Input<Calls[Name]>,
) => Promise<Result<Answered<ViewOf<Calls[Name]>>>>;

export type UseCases = { readonly [Name in CallName]: UseCase<Name> };
