import type { Context } from "hono";
import type { Caller } from "./access/auth.ts";
import type { Services } from "./services.ts";

/** What every route finds in its context. `caller` is there only on routes that need a key. */
export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    services: Services;
    caller: Caller;
  };
}

export type AppContext = Context<AppEnv>;
