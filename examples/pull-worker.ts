/**
 * Claims jobs from a pull queue and counts their words, until Ctrl-C.
 *
 *   DURE_URL=http://localhost:8787 DURE_KEY=dure_… node examples/pull-worker.ts [queue]
 */
import { hostname } from "node:os";
import { Dure, NonRetryable } from "../client/index.ts";

const dure = new Dure({ url: process.env.DURE_URL ?? "http://localhost:8787", key: process.env.DURE_KEY ?? "" });

const worker = dure.worker({
  queue: process.argv[2] ?? "default",
  name: `${hostname()}-${process.pid}`,
  concurrency: 20,
  handler: (job, { signal }) => {
    signal.throwIfAborted();
    const { text } = (job.payload ?? {}) as { text?: unknown };
    // Another attempt would find the same payload.
    if (typeof text !== "string") throw new NonRetryable("payload.text must be a string", { code: "bad-payload" });
    return { words: text.split(/\s+/).filter(Boolean).length };
  },
  onError: (error) => console.error("worker:", error),
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    console.log("stopping");
    void worker.stop();
  });
}
