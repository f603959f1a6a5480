import { join } from "node:path";
import { startHost } from "../../scripts/host.ts";
import { Client } from "../load.ts";
import { PAYLOAD, type System } from "../system.ts";

/** The floor on its own workerd, with its state under `stateDir`. */
export async function startFloor(stateDir: string): Promise<System> {
  const here = import.meta.dirname;
  const host = await startHost({
    port: 0,
    rootKey: "dure_root_of-the-bench-0123456789abcdefghijkl",
    stateDir,
    configs: [join(here, "wrangler.toml"), join(here, "processor/wrangler.toml")],
  });
  const client = new Client(host.url, {});
  const one = JSON.stringify({ payload: PAYLOAD });
  const batch = (n: number) => JSON.stringify({ jobs: Array.from({ length: n }, () => ({ payload: PAYLOAD })) });
  const leased = new Map<number, number[]>();
  return {
    name: "floor",
    submitOne: () => client.send("/jobs?pulled", one),
    submitBatch: (n) => client.send("/batches?pulled", batch(n)),
    pullTurn: async (worker) => {
      const body = JSON.stringify({ done: leased.get(worker) ?? [], max: 100 });
      const { jobs } = JSON.parse(await client.send("/work", body)) as { jobs: { id: number }[] };
      leased.set(
        worker,
        jobs.map((job) => job.id),
      );
      return jobs.length;
    },
    sendOne: () => client.send("/jobs", one),
    sendBatch: (n) => client.send("/batches", batch(n)),
    runOne: () => client.send("/jobs", one, { prefer: "wait=10" }),
    counts: async () => JSON.parse(await client.send("/counts")) as { accepted: number; finished: number },
    pid: () => host.workerd(),
    pids: () => host.workerd(),
    stop: async () => {
      await client.close();
      await host.stop();
    },
  };
}
