import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PAYLOAD, type Runner } from "../system.ts";
import { bullmqFolder, loadBullmq } from "./packages.ts";
import { startRedis } from "./redis.ts";

/** Jobs that BullMQ's worker has under way at most: as many as Dure's executor claims at once. */
const CONCURRENCY = 100;
const QUEUE = "bench-noop";

/** BullMQ as it comes, which keeps what is finished, on a Redis of its own, with its worker in a process of its own. */
export async function startBullmq(redisServer: string, stateDir: string): Promise<Runner> {
  const folder = bullmqFolder();
  const redis = await startRedis(redisServer, stateDir);
  const { Queue, QueueEvents } = loadBullmq(folder);
  const args = [folder, String(redis.port), QUEUE, String(CONCURRENCY)];
  const worker = spawn(process.execPath, [join(import.meta.dirname, "bullmq-worker.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => worker.kill();
  process.once("exit", kill);
  await Promise.race([once(worker.stdout, "data"), failed(worker)]);
  const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue(QUEUE, { connection });
  const events = new QueueEvents(QUEUE, { connection });
  await events.waitUntilReady();

  const job = { name: "noop", data: PAYLOAD };
  return {
    name: "BullMQ",
    sendOne: () => queue.add(job.name, job.data),
    sendBatch: (n) => queue.addBulk(Array.from({ length: n }, () => job)),
    runOne: async () => (await queue.add(job.name, job.data)).waitUntilFinished(events),
    counts: async () => {
      const counts = await queue.getJobCounts("completed", "failed", "waiting", "active");
      const finished = (counts.completed ?? 0) + (counts.failed ?? 0);
      return { accepted: Object.values(counts).reduce((sum, n) => sum + n, 0), finished };
    },
    pids: () => [redis.pid, worker.pid ?? 0],
    stop: async () => {
      await events.close();
      await queue.close();
      process.off("exit", kill);
      const ended = once(worker, "exit");
      kill();
      await ended;
      await redis.stop();
    },
  };
}

async function failed(worker: ReturnType<typeof spawn>): Promise<never> {
  const [code] = await once(worker, "exit");
  throw new Error(`BullMQ's worker ended with ${code} before it was ready`);
}
