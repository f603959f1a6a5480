import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { build, stop } from "esbuild";
import type { V4QueueConsumerOptions, V4WorkerOptions } from "miniflare";
import { parse } from "smol-toml";

/** The parts of a wrangler.toml that a local host acts on. wrangler itself checks the whole file in `npm run check`. */
interface WranglerToml {
  name: string;
  main: string;
  compatibility_date: string;
  compatibility_flags?: string[];
  vars?: Record<string, string>;
  durable_objects?: { bindings: { name: string; class_name: string; script_name?: string }[] };
  exports?: Record<string, { type: string; storage?: string }>;
  services?: ({ binding: string; service: string } & Pick<ServiceTarget, "entrypoint" | "props">)[];
  queues?: { producers?: { binding: string; queue: string }[]; consumers?: QueueConsumer[] };
  d1_databases?: { binding: string; migrations_dir?: string }[];
  kv_namespaces?: { binding: string }[];
  triggers?: { crons?: string[] };
  ratelimits?: { name: string; namespace_id: string; simple: { limit: number; period: 10 | 60 } }[];
}

/** Where a service binding leads. `props` are what the other Worker's code finds in `ctx.props`. */
export interface ServiceTarget {
  /** The other Worker's name. */
  name: string;
  /** Left out: its default export. */
  entrypoint?: string;
  props?: Record<string, unknown>;
}

interface QueueConsumer {
  queue: string;
  max_batch_size?: number;
  max_batch_timeout?: number;
  max_retries?: number;
  retry_delay?: number;
  dead_letter_queue?: string;
}

/** Settings keys the translation below understands; another one must be taught to it before it works locally. */
const KNOWN = new Set(
  "name main compatibility_date compatibility_flags vars secrets durable_objects exports services queues d1_databases kv_namespaces ratelimits triggers observability limits workers_dev".split(
    " ",
  ),
);

/** One Worker as Miniflare takes it, without its code. Read from the same file that `wrangler deploy` reads. */
export interface WorkerConfig {
  name: string;
  /** Absolute path of the entry module. */
  main: string;
  /** Everything but the code and the variables. */
  options: Omit<V4WorkerOptions, "script" | "scriptPath" | "modules" | "modulesRoot" | "bindings"> & {
    serviceBindings: Record<string, ServiceTarget>;
    /** By binding. */
    queueProducers: Record<string, { queueName: string }>;
    /** By queue. */
    queueConsumers: Record<string, V4QueueConsumerOptions>;
  };
  vars: Record<string, string>;
  /** Absolute path of the D1 migrations of the first database that has some. */
  migrationsDir: string | null;
  /** The bindings of its D1 databases, in the order of the file. */
  databases: string[];
  crons: string[];
}

/**
 * Translates a wrangler.toml for Miniflare. wrangler has the same translation, but loading wrangler takes two
 * seconds, which every restart would pay; a test holds the two equal.
 */
export function readWorkerConfig(path: string): WorkerConfig {
  const toml = parse(readFileSync(path, "utf8")) as unknown as WranglerToml;
  const unknown = Object.keys(toml).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) throw new Error(`${path}: the local host does not know the setting ${unknown.join(", ")}`);
  const root = dirname(resolve(path));
  const migrations = toml.d1_databases?.find((database) => database.migrations_dir)?.migrations_dir;
  return {
    name: toml.name,
    main: resolve(root, toml.main),
    options: {
      name: toml.name,
      rootPath: root,
      compatibilityDate: toml.compatibility_date,
      compatibilityFlags: toml.compatibility_flags ?? [],
      durableObjects: durableObjects(toml),
      serviceBindings: serviceBindings(toml),
      queueProducers: Object.fromEntries(
        (toml.queues?.producers ?? []).map((p) => [p.binding, { queueName: p.queue }]),
      ),
      queueConsumers: Object.fromEntries((toml.queues?.consumers ?? []).map((c) => [c.queue, consumer(c)])),
      d1Databases: Object.fromEntries((toml.d1_databases ?? []).map((d) => [d.binding, { id: d.binding }])),
      kvNamespaces: Object.fromEntries((toml.kv_namespaces ?? []).map((k) => [k.binding, { id: k.binding }])),
      ratelimits: Object.fromEntries((toml.ratelimits ?? []).map((r) => [r.name, r])),
    },
    vars: toml.vars ?? {},
    migrationsDir: migrations === undefined ? null : resolve(root, migrations),
    databases: (toml.d1_databases ?? []).map(({ binding }) => binding),
    crons: toml.triggers?.crons ?? [],
  };
}

function durableObjects(toml: WranglerToml) {
  return Object.fromEntries(
    (toml.durable_objects?.bindings ?? []).map((binding) => [
      binding.name,
      binding.script_name === undefined
        ? { className: binding.class_name, useSQLite: toml.exports?.[binding.class_name]?.storage === "sqlite" }
        : { className: binding.class_name, scriptName: binding.script_name },
    ]),
  );
}

function serviceBindings(toml: WranglerToml): Record<string, ServiceTarget> {
  return Object.fromEntries(
    (toml.services ?? []).map(({ binding, service, entrypoint, props }) => [
      binding,
      {
        name: service,
        ...(entrypoint === undefined ? {} : { entrypoint }),
        ...(props === undefined ? {} : { props }),
      },
    ]),
  );
}

function consumer(c: QueueConsumer) {
  return {
    ...(c.max_batch_size === undefined ? {} : { maxBatchSize: c.max_batch_size }),
    ...(c.max_batch_timeout === undefined ? {} : { maxBatchTimeout: c.max_batch_timeout }),
    ...(c.max_retries === undefined ? {} : { maxRetries: c.max_retries }),
    ...(c.retry_delay === undefined ? {} : { retryDelay: c.retry_delay }),
    ...(c.dead_letter_queue === undefined ? {} : { deadLetterQueue: c.dead_letter_queue }),
  };
}

const bundles = new Map<string, Promise<string>>();

/**
 * A Worker's entry module as one ES module for workerd, with an inline source map for its stack traces, which names
 * the sources and does not hold them: each isolate keeps the whole module in memory. A process bundles each
 * module once, so its later hosts start in half the time, and run the code that the first one ran.
 */
export function bundleWorker(main: string): Promise<string> {
  const bundle = bundles.get(main) ?? bundled(main);
  bundles.set(main, bundle);
  return bundle;
}

async function bundled(main: string): Promise<string> {
  const result = await build({
    entryPoints: [main],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".html": "text", ".txt": "text", ".sql": "text" },
    define: { "process.env.NODE_ENV": '"production"' },
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  const output = result.outputFiles[0];
  if (output === undefined) throw new Error(`${main}: esbuild wrote nothing`);
  return output.text;
}

/** Ends the process in which esbuild works; it would otherwise live as long as the platform. */
export function stopBundling(): Promise<void> {
  return stop();
}

/**
 * Throws where the two Workers do not have the same databases: what the processor writes to one that the gateway does not
 * have nobody would find.
 */
export function assertSameDatabases(
  gateway: Pick<WorkerConfig, "databases">,
  processor: Pick<WorkerConfig, "databases">,
) {
  const [ours, theirs] = [gateway, processor].map(({ databases }) => databases.toSorted().join(", "));
  if (ours === theirs) return;
  throw new Error(
    `wrangler.toml binds the databases ${ours}, and workers/processor/wrangler.toml ${theirs}: both need the same.`,
  );
}
