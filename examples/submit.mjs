/**
 * Submits jobs and waits for one of them. `npm start` prints the two variables.
 *
 *   DURE_URL=http://127.0.0.1:8787 DURE_KEY=dure_… node examples/submit.mjs [queue]
 */
import { randomUUID } from "node:crypto";
import { Dure, defineQueue, JobFailedError, JobPendingError } from "@dure/client";

/** @type {import("@dure/client").QueueDefinition<{ text: string }, { words: number }>} */
const texts = defineQueue(process.argv[2] ?? "wordcount");

const dure = new Dure();
const queue = dure.queue(texts);

// With a key the client may send again after a lost answer, and still there is one job.
const submission = queue.submit({ text: "To be, or not to be" }, { idempotencyKey: randomUUID() });
const job = await submission;
console.log("accepted", job.id, job.state);

const batch = await dure.submitBatch({
  jobs: ["one", "two two", "three three three"].map((text) => ({
    queue: texts.name,
    payload: { text },
    tags: ["example"],
    idempotencyKey: randomUUID(),
  })),
});
console.log("batch", batch.id, "accepted", batch.accepted);

try {
  const { words } = await submission.result({ timeoutSeconds: 30 });
  console.log("succeeded:", words, "words");
} catch (error) {
  if (error instanceof JobFailedError) console.log(error.job.state, error.code, error.message);
  else if (error instanceof JobPendingError) console.log("why it waits:", await dure.explain(job.id));
  else throw error;
}
