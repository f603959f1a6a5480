import { join } from "node:path";
import { type Host, type HostOptions, startHost } from "../../scripts/host.ts";
import type { Breach } from "../limits/breaches.ts";

const LIMITS = join(import.meta.dirname, "../limits");

/**
 * The whole platform as `startHost` runs it, with both Workers under Cloudflare's limits, which workerd by itself does not know. `stop`
 * fails where anything has gone beyond one of them.
 */
export async function startLimitedHost(options: Omit<HostOptions, "mains">): Promise<Host> {
  const host = await startHost({ ...options, mains: [join(LIMITS, "gateway.ts"), join(LIMITS, "processor.ts")] });
  return {
    ...host,
    stop: async () => {
      const found = await breachesOf(host).finally(() => host.stop());
      if (found.length > 0) throw new Error(`beyond the platform's limits: ${JSON.stringify(found)}`);
    },
  };
}

/** What was beyond a limit since this was last asked. */
export async function breachesOf(host: Host): Promise<Breach[]> {
  const told = ["dure-gateway", "dure-processor"].map(async (name) => {
    const worker = await host.mf.getWorker(name);
    return (await worker.fetch("http://limits/limits/breaches")).json();
  });
  return ((await Promise.all(told)) as Breach[][]).flat();
}
