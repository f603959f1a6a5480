import type { Handler } from "./handler.ts";

/** Does nothing: for measuring everything around a handler. */
export const noop: Handler = () => null;
