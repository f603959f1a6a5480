import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { targetBindingsFault } from "../domain/target-bindings.ts";
import { hostPatterns } from "../domain/target-url.ts";
import { choiceFault, isOn, METRICS_CHOICES, onOffFault, wholeNumberFault } from "../domain/variable.ts";
import { migrate } from "./d1-migrations.ts";
import { ownWorkerds } from "./processes.ts";
import { localMasterKey, openState } from "./state.ts";
import { lockState, type StateLock } from "./state-lock.ts";
import { WAY_OUT, wayOut } from "./way-out.ts";
import {
  assertSameDatabases,
  bundleWorker,
  readWorkerConfig,
  stopBundling,
  type WorkerConfig,
} from "./worker-options.ts";
import { type Overlay, overlaid } from "./worker-overlay.ts";

const ROOT = join(import.meta.dirname, "..");
const CRON_MS = 60_000;

/** A variable cannot be read. The message is a sentence for whoever set it. */
export class UnreadableVariable extends Error {}

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
  /** The lock of the state directory, where the caller has it already. The host releases it when it stops. */
  lock?: StateLock;
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

/**
 * Runs the whole platform in one workerd: both Workers, their Durable Objects, Queues, D1 and KV, as their
 * wrangler.toml files describe them. Queues are in memory, so that a message of the ingest Queue (a job that was deferred, too)
 * is lost when the host ends; everything else is on disk.
 *
 * The database is migrated before anything serves from it. Throws `StateInUse`, `UnreadableState`, `MigrationFailed`, `UnreadableVariable`, and Miniflare's `ERR_ADDRESS_IN_USE` when the port is taken.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const settings = ownSettings(options);
  // Before the master key is kept there: a directory that has something and no mark of its format is refused.
  openState(options.stateDir);
  const lock = options.lock ?? lockState(options.stateDir);
  try {
    return await startLocked(options, { ...settings, ...ownSecrets(options) }, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: HostOptions, vars: Record<string, string>, lock: StateLock): Promise<Host> {
  const paths = options.configs ?? [join(ROOT, "wrangler.toml"), join(ROOT, "workers/processor/wrangler.toml")];
  const [gateway, processor] = paths.map((path) => configOf(path, options));
  if (gateway === undefined || processor === undefined) throw new Error("a host runs two Workers");
  if (options.mains) [gateway.main, processor.main] = options.mains;
  const workers = bundled({ gateway, processor, vars, options });
  assertSameDatabases(gateway, processor);
  await Promise.all([workers, migrateDatabases(gateway, options.stateDir, lock)]);
  await stopBundling();

  const before = new Set(ownWorkerds());
  let workerd: number | null = null;
  const note = () => {
    workerd = ownWorkerds().find((pid) => !before.has(pid)) ?? null;
    lock.note(workerd);
  };
  const mf = platformOf(await workers, options.stateDir, note);
  try {
    await mf.ready;
    note();
  } catch (error) {
    await mf.dispose();
    throw error;
  }
  const stopCron = gateway.crons.length > 0 ? startCron(mf, options.cronMs ?? CRON_MS) : null;
  const urlOf = async (name: string) => (await mf.unsafeGetDirectURL(name)).origin;
  return {
    url: await urlOf(gateway.name),
    urlOf,
    mf,
    workerd: () => workerd,
    stop: async () => {
      stopCron?.();
      await mf.dispose();
      lock.release();
    },
  };
}

/** All Workers of the host, with their code. */
function bundled({
  gateway,
  processor,
  vars,
  options,
}: {
  gateway: WorkerConfig;
  processor: WorkerConfig;
  vars: Record<string, string>;
  options: HostOptions;
}): Promise<V4WorkerOptions[]> {
  const others = (options.others ?? []).map((path) => configOf(path, options));
  const ways = wayOutOf([gateway, processor], vars);
  return Promise.all([
    // workerd serves the gateway itself: Miniflare's own entry in front of it would add 125 us a request.
    worker(gateway, { vars, port: options.port, options }),
    worker(processor, { vars, port: null, options }),
    ...ways,
    ...others.map((config) => worker(config, { vars: {}, port: 0, options })),
  ]);
}

async function migrateDatabases(
  { migrationsDir, databases }: WorkerConfig,
  stateDir: string,
  lock: StateLock,
): Promise<void> {
  if (migrationsDir === null) return;
  const before = new Set(ownWorkerds());
  const note = () => lock.note(ownWorkerds().find((pid) => !before.has(pid)) ?? null);
  // One after the other: what a new state directory gets is copied from the first.
  for (const database of databases) await migrate({ stateDir, database, dir: migrationsDir }, note);
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
      unsafeTriggerHandlers: true, // For `fireCron`; of Miniflare's own entry, which only this process knows.
      unsafeHandleRuntimeRestart: onRestart,
    }),
  );
}

function configOf(path: string, { overlays }: HostOptions): WorkerConfig {
  const config = readWorkerConfig(path);
  return overlaid(config, overlays?.[config.name] ?? {});
}

/** Where private targets are not allowed, sends the requests of both Workers through one of their own, and answers that. */
function wayOutOf(configs: WorkerConfig[], vars: Record<string, string>): V4WorkerOptions[] {
  if (isOn(vars.ALLOW_PRIVATE_TARGETS ?? "")) return [];
  for (const { options } of configs) options.outboundService = WAY_OUT;
  return [wayOut()];
}

/** Variables that are whole numbers. */
const NUMBERS = ["RATE_LIMIT", "WAITS_PER_KEY", "WAITS_PER_NAMESPACE", "MAX_CONNECTIONS", "LANE_CONSUMERS", "SWEEP_MS"];

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
    // There is one place here, and workerd knows no jurisdictions.
    LOCATION: "",
    JURISDICTION: "",
    ...(process.env.METRICS === undefined ? {} : { METRICS: process.env.METRICS }),
    ...vars,
  };
  // A variable that cannot be read would stop the Workers at their first request, with the reason in a log.
  const fault =
    onOffFault("ALLOW_PRIVATE_TARGETS", all.ALLOW_PRIVATE_TARGETS) ??
    choiceFault("METRICS", "METRICS" in all ? all.METRICS : "", METRICS_CHOICES) ??
    NUMBERS.map((name) => (name in all ? wholeNumberFault(name, (all as Record<string, string>)[name]) : null)).find(
      (fault) => fault !== null,
    ) ??
    hostsFault("TARGET_HOSTS", all.TARGET_HOSTS) ??
    hostsFault("PLATFORM_HOSTS", all.PLATFORM_HOSTS) ??
    targetBindingsFault((all as Record<string, string>).TARGET_BINDINGS ?? "");
  if (fault !== null) throw new UnreadableVariable(fault);
  return all;
}

function hostsFault(variable: string, text: string): string | null {
  try {
    hostPatterns(variable, text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
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
function startCron(mf: Miniflare, everyMs: number): () => void {
  let stopped = false;
  const fire = async () => {
    const fault = await fireCron(mf);
    // A round that the end of the host breaks off is no fault.
    if (fault !== null && !stopped) console.error(fault);
  };
  void fire();
  const timer = setInterval(() => void fire(), everyMs);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

/**
 * By a request to the gateway, which is the first Worker, and by none of Miniflare's proxies: those stop this process until
 * workerd has answered, and workerd waits for this process to read its log when it has much to say. Answers what went wrong; null: nothing.
 */
async function fireCron(mf: Miniflare): Promise<string | null> {
  try {
    const query = new URLSearchParams({ cron: "* * * * *", time: String(Date.now()) });
    const response = await mf.dispatchFetch(`http://localhost/cdn-cgi/local/scheduled?${query}`);
    const outcome = await response.text();
    return response.ok ? null : `the scheduled handler failed: ${outcome}`;
  } catch (error) {
    // workerd is being started again, mostly: what the socket was need not be told.
    return `the scheduled handler was not reached: ${error instanceof Error ? error.message : error}`;
  }
}
