import { HANDLER_NAMES } from "../../contract/handlers.ts";
import type { Handler } from "./handler.ts";

/**
 * Every handler that a queue may name. The bundler takes all of `handlers/` along for this import, and nothing is loaded while a job waits: a
 * handler that cannot be loaded stops the Worker from starting, so that a deploy of it fails.
 */
export const handlers: Record<string, Handler> = Object.fromEntries(
  await Promise.all(HANDLER_NAMES.map(async (name) => [name, handlerOf(name, await import(`./handlers/${name}.ts`))])),
);

/** The handler in a module of `handlers/`. Throws when its default export is no function. */
export function handlerOf(name: string, module: { default?: unknown }): Handler {
  const handler = module.default;
  if (!isHandler(handler))
    throw new Error(`The default export of workers/processor/handlers/${name}.ts has to be its Handler.`);
  return handler;
}

/** The compiler has checked the file: here it is enough that something is there. */
function isHandler(value: unknown): value is Handler {
  return typeof value === "function";
}
