import type { FloorEnv } from "../floor.ts";

/** Once woken, works until dry: runs a no-op for each job, reports a hundred and takes the next hundred in one call. */
export default {
  async queue(batch: MessageBatch<number>, env: FloorEnv): Promise<void> {
    const floor = env.FLOOR.getByName("pushed");
    let done: number[] = [];
    let answered = batch.messages.length;
    for (;;) {
      const jobs = await floor.work(done, 100, answered);
      answered = 0;
      if (jobs.length === 0) return;
      done = jobs.map((job) => job.id);
    }
  },
};
