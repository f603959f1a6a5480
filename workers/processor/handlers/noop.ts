import type { Handler } from "../handler.ts";

/** Does nothing: for measuring everything around a handler. */
const noop: Handler = () => null;

export default noop;
