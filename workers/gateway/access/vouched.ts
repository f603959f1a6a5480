import type { Caller } from "./auth.ts";

/**
 * Requests that this Worker made itself for a caller it already knows. Known by the object, which no bytes from outside
 * can name: a request that came over the network is never among them, whatever its headers say.
 */
const vouched = new WeakMap<Request, Caller>();

/** Lets the request through the gate as this caller's, without a key. */
export function vouchFor(request: Request, caller: Caller): void {
  vouched.set(request, caller);
}

export function vouchedCaller(request: Request): Caller | null {
  return vouched.get(request) ?? null;
}
