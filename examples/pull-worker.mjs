/**
 * Claims jobs from a pull queue and counts their words, until Ctrl-C. Jobs come from another terminal:
 * `node examples/submit.mjs default`.
 *
 *   DURE_URL=http://127.0.0.1:8787 DURE_KEY=dure_… node examples/pull-worker.mjs [queue]
 */
import { hostname } from "node:os";
import { Dure, defineQueue, NonRetryable } from "@dure/client";

/** @type {import("@dure/client").QueueDefinition<{ text: string }, { words: number }>} */
const texts = defineQueue(process.argv[2] ?? "default");

const worker = new Dure().worker(
  texts,
  ({ payload }, { signal }) => {
    signal.throwIfAborted();
    // Another attempt would find the same payload.
    if (typeof payload?.text !== "string")
      throw new NonRetryable("payload.text must be a string", { code: "bad-payload" });
    return { words: payload.text.split(/\s+/).filter(Boolean).length };
  },
  { name: `${hostname()}-${process.pid}`, concurrency: 20 },
);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => worker.stop());

// Throws, and so ends with 1, when Dure refuses the worker: a wrong key, a queue that is not there.
await worker.closed;
