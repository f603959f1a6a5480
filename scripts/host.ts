import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { applyMigrations } from "./d1-migrations.ts";
import { endOrphan, forgetHost, noteHost, ownWorkerds } from "./orphans.ts";
import { bundleWorker, readWorkerConfig, stopBundling, type WorkerConfig } from "./worker-options.ts";

const ROOT = join(import.meta.dirname, "..");
const CRON_MS = 60_000;

export interface HostOptions {
  /** TCP port of the gateway; 0 picks a free one. */
  port: number;
  /** Default 127.0.0.1. */
  address?: string;
  /** The whole root token, `dure_root_<secret>`. */
  rootKey: string;
  /** All state of the platform is under this directory: a later host on it finds everything. */
  stateDir: string;
  /** Laid over the variables of both wrangler.toml files and over the local defaults. */
  vars?: Record<string, string>;
  /** The pair of Workers to run: the first is the one that `port` serves. Default: Dure's gateway and processor. */
  configs?: [gateway: string, processor: string];
  /** Entry modules in place of the ones that the configs name. */
  mains?: [gateway: string, processor: string];
}

export interface Host {
  /** Where the gateway answers, without a slash at the end. */
  url: string;
  mf: Miniflare;
  /** The pid of workerd, in which everything runs. Null where `ps` is missing. */
  workerd(): number | null;
  /** Ends the platform; its state stays. */
  stop(): Promise<void>;
}

/** The state directory is served by another live host. */
export class StateInUse extends Error {}

/**
 * Runs the whole platform in one workerd: both Workers, their Durable Objects, Queues, D1 and KV, as their
 * wrangler.toml files describe them. Queues are in memory; everything else is on disk.
 *
 * Throws `StateInUse`, and Miniflare's `ERR_ADDRESS_IN_USE` when the port is taken.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  mkdirSync(options.stateDir, { recursive: true });
  const owner = endOrphan(options.stateDir);
  if (owner !== null) throw new StateInUse(`${options.stateDir} is in use by process ${owner}`);

  const paths = options.configs ?? [join(ROOT, "wrangler.toml"), join(ROOT, "workers/processor/wrangler.toml")];
  const [gateway, processor] = paths.map(readWorkerConfig);
  if (gateway === undefined || processor === undefined) throw new Error("a host runs two Workers");
  if (options.mains) [gateway.main, processor.main] = options.mains;
  const workers = await Promise.all([gateway, processor].map((config) => worker(config, options)));
  await stopBundling();
  const [first] = workers;
  // workerd serves the gateway itself: Miniflare's own entry in front of it would add 125 us a request.
  if (first) first.unsafeDirectSockets = [{ host: options.address ?? "127.0.0.1", port: options.port }];

  const others = new Set(ownWorkerds());
  let workerd: number | null = null;
  const note = () => {
    workerd = ownWorkerds().find((pid) => !others.has(pid)) ?? null;
    noteHost(options.stateDir, workerd);
  };
  const mf = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      host: "127.0.0.1",
      port: 0,
      resourcePersistencePath: options.stateDir,
      cf: false, // Otherwise Miniflare asks Cloudflare for sample request properties.
      telemetry: { enabled: false },
      log: new Log(LogLevel.WARN),
      unsafeHandleRuntimeRestart: note,
    }),
  );
  try {
    await mf.ready;
    note();
    if (gateway.migrationsDir) await applyMigrations(await mf.getD1Database("DB", gateway.name), gateway.migrationsDir);
  } catch (error) {
    await mf.dispose();
    throw error;
  }
  const cron = gateway.crons.length > 0 ? await startCron(mf, gateway.name) : undefined;
  const url = (await mf.unsafeGetDirectURL(gateway.name)).origin;
  return {
    url,
    mf,
    workerd: () => workerd,
    stop: async () => {
      clearInterval(cron);
      await mf.dispose();
      forgetHost(options.stateDir);
    },
  };
}

async function worker(config: WorkerConfig, options: HostOptions): Promise<V4WorkerOptions> {
  const bindings = {
    ...config.vars,
    ALLOW_PRIVATE_TARGETS: process.env.ALLOW_PRIVATE_TARGETS ?? "true",
    // Cloudflare's limit of 6 does not hold here, and Miniflare delivers one batch of a queue at a time.
    MAX_CONNECTIONS: "1000",
    SWEEP_MS: "100",
    ...options.vars,
    DURE_ROOT_KEY: options.rootKey,
  };
  return {
    ...config.options,
    bindings,
    modules: [{ type: "ESModule", path: "index.js", contents: await bundleWorker(config.main) }],
  };
}

/** Miniflare does not fire cron triggers: this does, once now and then every minute. */
async function startCron(mf: Miniflare, name: string): Promise<NodeJS.Timeout> {
  const fetcher = await mf.getWorker(name);
  const fire = () => {
    fetcher.scheduled({ scheduledTime: new Date(), cron: "* * * * *" }).catch((error: unknown) => {
      console.error("the scheduled handler failed:", error);
    });
  };
  fire();
  return setInterval(fire, CRON_MS);
}
