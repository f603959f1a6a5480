import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { hostPatterns } from "../domain/target-url.ts";
import { applyMigrations } from "./d1-migrations.ts";
import { endOrphan, forgetHost, noteHost, ownWorkerds } from "./orphans.ts";
import { localMasterKey, openState } from "./state.ts";
import { WAY_OUT, wayOut } from "./way-out.ts";
import { bundleWorker, readWorkerConfig, stopBundling, type WorkerConfig } from "./worker-options.ts";
import { type Overlay, overlaid } from "./worker-overlay.ts";

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
  /** Between two runs of the cron trigger; 60,000 when left out, as on Cloudflare. */
  cronMs?: number;
  /** Entry modules in place of the ones that the configs name. */
  mains?: [gateway: string, processor: string];
  /**
   * The wrangler.toml files of further Workers to run beside the pair, with their own bindings to it: services, queues.
   * They get neither the root key, the master key nor `vars`. Each has a port of its own, see `Host.urlOf`.
   */
  others?: string[];
  /** Laid over what the wrangler.toml of the Worker of that name says. */
  overlays?: Record<string, Overlay>;
}

export interface Host {
  /** Where the gateway answers, without a slash at the end. */
  url: string;
  /** Where one of the Workers answers by itself, without a slash at the end: the gateway's, or one of `others`. */
  urlOf(worker: string): Promise<string>;
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
 * wrangler.toml files describe them. Queues are in memory, so that a message of the ingest Queue (a job that was deferred, too)
 * is lost when the host ends; everything else is on disk.
 *
 * Throws `StateInUse`, `UnreadableState`, an Error for a list of hosts that cannot be read, and Miniflare's `ERR_ADDRESS_IN_USE` when the port is taken.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const settings = ownSettings(options);
  // Before the master key is kept there: a directory that has something and no mark of its format is refused.
  openState(options.stateDir);
  const vars = { ...settings, ...ownSecrets(options) };
  const owner = endOrphan(options.stateDir);
  if (owner !== null) throw new StateInUse(`${options.stateDir} is in use by process ${owner}`);

  const paths = options.configs ?? [join(ROOT, "wrangler.toml"), join(ROOT, "workers/processor/wrangler.toml")];
  const [gateway, processor] = paths.map((path) => configOf(path, options));
  if (gateway === undefined || processor === undefined) throw new Error("a host runs two Workers");
  if (options.mains) [gateway.main, processor.main] = options.mains;
  const others = (options.others ?? []).map((path) => configOf(path, options));
  const ways = wayOutOf(processor, vars);
  const workers = await Promise.all([
    // workerd serves the gateway itself: Miniflare's own entry in front of it would add 125 us a request.
    worker(gateway, { vars, port: options.port, options }),
    worker(processor, { vars, port: null, options }),
    ...ways,
    ...others.map((config) => worker(config, { vars: {}, port: 0, options })),
  ]);
  await stopBundling();

  const before = new Set(ownWorkerds());
  let workerd: number | null = null;
  const note = () => {
    workerd = ownWorkerds().find((pid) => !before.has(pid)) ?? null;
    noteHost(options.stateDir, workerd);
  };
  const mf = platformOf(workers, options.stateDir, note);
  try {
    await mf.ready;
    note();
    if (gateway.migrationsDir) await applyMigrations(await mf.getD1Database("DB", gateway.name), gateway.migrationsDir);
  } catch (error) {
    await mf.dispose();
    throw error;
  }
  const cron = gateway.crons.length > 0 ? startCron(mf, gateway.name, options.cronMs ?? CRON_MS) : undefined;
  const urlOf = async (name: string) => (await mf.unsafeGetDirectURL(name)).origin;
  return {
    url: await urlOf(gateway.name),
    urlOf,
    mf,
    workerd: () => workerd,
    stop: async () => {
      clearInterval(cron);
      await mf.dispose();
      forgetHost(options.stateDir);
    },
  };
}

/** The platform of these Workers, its state under `stateDir`; `onRestart` is called when workerd has started anew. */
function platformOf(workers: V4WorkerOptions[], stateDir: string, onRestart: () => void): Miniflare {
  return new Miniflare(
    convertV4MiniflareOptions({
      workers,
      host: "127.0.0.1",
      port: 0,
      resourcePersistencePath: stateDir,
      cf: false, // Otherwise Miniflare asks Cloudflare for sample request properties.
      telemetry: { enabled: false },
      log: new Log(LogLevel.WARN),
      unsafeHandleRuntimeRestart: onRestart,
    }),
  );
}

function configOf(path: string, { overlays }: HostOptions): WorkerConfig {
  const config = readWorkerConfig(path);
  return overlaid(config, overlays?.[config.name] ?? {});
}

/** Where private targets are not allowed, sends the processor's requests through a Worker of their own, and answers that. */
function wayOutOf(processor: WorkerConfig, vars: Record<string, string>): V4WorkerOptions[] {
  if (vars.ALLOW_PRIVATE_TARGETS === "true") return [];
  processor.options.outboundService = WAY_OUT;
  return [wayOut()];
}

/** The variables of Dure's own Workers over those of their wrangler.toml files. Makes nothing in the state directory. */
function ownSettings({ vars }: HostOptions): Record<string, string> {
  const all = {
    ALLOW_PRIVATE_TARGETS: process.env.ALLOW_PRIVATE_TARGETS ?? "true",
    TARGET_HOSTS: process.env.TARGET_HOSTS ?? "",
    PLATFORM_HOSTS: process.env.PLATFORM_HOSTS ?? "",
    // Cloudflare's limit of 6 does not hold here, and Miniflare delivers one batch of a queue at a time.
    MAX_CONNECTIONS: "1000",
    LANE_CONSUMERS: "1",
    SWEEP_MS: "250",
    ...(process.env.METRICS === undefined ? {} : { METRICS: process.env.METRICS }),
    ...vars,
  };
  // A list that cannot be read would stop the Workers at their first request, with the reason in a log.
  for (const name of ["TARGET_HOSTS", "PLATFORM_HOSTS"] as const) hostPatterns(name, all[name]);
  return all;
}

/** Their secrets. A master key that the environment does not name is the one that the state directory keeps. */
function ownSecrets({ rootKey, stateDir }: HostOptions): Record<string, string> {
  return {
    DURE_ROOT_KEY: rootKey,
    DURE_MASTER_KEY: localMasterKey(stateDir, process.env),
    DURE_MASTER_KEY_PREVIOUS: process.env.DURE_MASTER_KEY_PREVIOUS ?? "",
  };
}

/** A Worker with its code. `port` null: it answers to other Workers only. */
async function worker(
  config: WorkerConfig,
  { vars, port, options }: { vars: Record<string, string>; port: number | null; options: HostOptions },
): Promise<V4WorkerOptions> {
  return {
    ...config.options,
    bindings: { ...config.vars, ...vars },
    modules: [{ type: "ESModule", path: "index.js", contents: await bundleWorker(config.main) }],
    ...(port === null ? {} : { unsafeDirectSockets: [{ host: options.address ?? "127.0.0.1", port }] }),
  };
}

/** Miniflare does not fire cron triggers: this does, once now and then every `everyMs`. */
function startCron(mf: Miniflare, name: string, everyMs: number): NodeJS.Timeout {
  const fire = () => void fireCron(mf, name);
  fire();
  return setInterval(fire, everyMs);
}

/** The Worker is looked up each time: what was known of one is broken once workerd has been restarted. */
async function fireCron(mf: Miniflare, name: string): Promise<void> {
  try {
    const fetcher = await mf.getWorker(name);
    await fetcher.scheduled({ scheduledTime: new Date(), cron: "* * * * *" });
  } catch (error) {
    console.error("the scheduled handler failed:", error);
  }
}
