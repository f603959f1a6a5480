/**
 * Submits jobs and waits for one of them.
 *
 *   DURE_URL=http://localhost:8787 DURE_KEY=dure_… node examples/submit.ts [queue]
 */
import { randomUUID } from "node:crypto";
import { Dure } from "../client/index.ts";

const dure = new Dure({ url: process.env.DURE_URL ?? "http://localhost:8787", key: process.env.DURE_KEY ?? "" });
const queue = process.argv[2] ?? "default";

const job = await dure.submit({
  queue,
  payload: { text: "To be, or not to be" },
  // With a key the client may send again after a lost answer, and still there is one job.
  idempotencyKey: randomUUID(),
});
console.log("accepted", job.id, job.state);

const texts = ["one", "two two", "three three three"];
const batch = await dure.submitBatch({
  jobs: texts.map((text) => ({ queue, payload: { text }, tags: ["example"], idempotencyKey: randomUUID() })),
});
console.log("batch", batch.id, "accepted", batch.accepted);

const final = await dure.wait(job.id, { timeoutSeconds: 30 });
console.log(final.state, final.result);
if (final.finishedAt === null) console.log("why:", await dure.explain(job.id));
