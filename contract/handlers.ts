/**
 * The handlers that a queue may name. Each is the default export of the file of its name in `workers/processor/handlers/`: a new
 * handler is that file, and its name here. The gateway refuses every other name, and knows nothing of the code.
 */
export const HANDLER_NAMES: readonly string[] = ["noop", "wordcount"];
