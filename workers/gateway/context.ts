import type { Context } from "hono";
import type { Caller } from "./access/auth.ts";
import type { ReadSession } from "./jobs/read-session.ts";
import type { Services } from "./services.ts";

/**
 * What every route finds in its context. `caller` and `session` are there only on routes that need a key; the session
 * hears what is asked of shards through these `services`.
 */
export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    services: Services;
    caller: Caller;
    session: ReadSession;
  };
}

export type AppContext = Context<AppEnv>;
