import type { HandlerName } from "../../../contract/limits.ts";
import type { Handler } from "./handler.ts";
import { noop } from "./noop.ts";
import { wordcount } from "./wordcount.ts";

/** Every handler that a queue may name. */
export const handlers: Record<HandlerName, Handler> = { noop, wordcount };
