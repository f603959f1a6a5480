import type { PlatformLimits } from "./platform.ts";

/** A limit that an invocation would have gone beyond. */
export interface Breach {
  limit: keyof PlatformLimits;
  /** The invocation, as "gateway fetch" or "Shard submit". */
  invocation: string;
  detail: string;
}

const breaches: Breach[] = [];

/** What the platform throws when a limit is reached; its message is the platform's. */
export class LimitReached extends Error {
  override readonly name = "LimitReached";
}

/** Notes a breach, and is what has to be thrown for it. The code may catch it: the suite fails all the same. */
export function breach(found: Breach, message: string): LimitReached {
  breaches.push(found);
  return new LimitReached(message);
}

/** The breaches since this was last asked. */
export function takeBreaches(): Breach[] {
  return breaches.splice(0);
}
