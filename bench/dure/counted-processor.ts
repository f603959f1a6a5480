import processor from "../../workers/processor/index.ts";
import { counted, counts } from "./counts.ts";

/** The processor with counted bindings. Any request tells the counts. */
export default {
  fetch: () => Response.json(counts),
  async queue(batch, env) {
    counts.workerRequests++;
    await processor.queue(batch, counted(env));
  },
} satisfies ExportedHandler<ProcessorEnv>;
