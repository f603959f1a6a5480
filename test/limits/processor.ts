import processor from "../../workers/processor/index.ts";
import { limited } from "./bindings.ts";
import { takeBreaches } from "./breaches.ts";
import { event } from "./entry.ts";

/** The processor under the platform's limits. Any request tells its breaches. */
export default {
  fetch: () => Response.json(takeBreaches()),
  queue(batch: MessageBatch, env: ProcessorEnv): Promise<void> {
    return event({ isolate: "processor", event: "queue" }, async (own) => {
      for (const { body } of batch.messages) own.took(body);
      await processor.queue(batch, limited(env));
    });
  },
};
