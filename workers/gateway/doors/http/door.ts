import type { Context as HonoContext } from "hono";
import type { Visit } from "../../context.ts";

/** What every request to the HTTP door finds in its context: one object, so that looking at it costs no more. */
export interface HttpRequest {
  /** Names the request in its answer and in the log. */
  id: string;
  /** The path of the call, with `{parameters}`; null where there is no such call. */
  route: string | null;
  visit: Visit;
  /** What its answer carries, by lower-case name: filled on the way, and made into a response once. */
  headers: Record<string, string>;
}

export interface DoorEnv {
  Bindings: Env;
  Variables: { request: HttpRequest };
}

export type DoorContext = HonoContext<DoorEnv>;
