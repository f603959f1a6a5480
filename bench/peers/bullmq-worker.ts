import { loadBullmq } from "./packages.ts";

/**
 * A process of BullMQ's, which runs a no-op for each job: `node bullmq-worker.ts <folder> <port> <queue> <concurrency>`. It says on
 * its standard output that it is ready, and ends when it is told to.
 */
const [folder = "", port = "", queue = "", concurrency = ""] = process.argv.slice(2);
const { Worker } = loadBullmq(folder);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
const worker = new Worker(queue, async () => null, { connection, concurrency: Number(concurrency) });
await worker.waitUntilReady();
process.once("SIGTERM", () => void worker.close().then(() => process.exit(0)));
process.stdout.write("ready\n");
