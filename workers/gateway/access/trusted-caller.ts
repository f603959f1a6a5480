import type { Caller } from "./auth.ts";

/**
 * Requests that this Worker made itself for a caller whose key or `props` it has checked already. Known by the object,
 * which no bytes from outside can name: a request that came over the network is never among them, whatever its headers
 * say.
 */
const trusted = new WeakMap<Request, Caller>();

/** Lets the request through the gate as this caller's, without a key. */
export function trustCaller(request: Request, caller: Caller): void {
  trusted.set(request, caller);
}

export function trustedCaller(request: Request): Caller | null {
  return trusted.get(request) ?? null;
}
