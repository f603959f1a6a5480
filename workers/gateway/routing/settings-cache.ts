import { isProblem, notFound, type Result, unavailable } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue, findQueues } from "../../db/queues.ts";
import { log, reasonOf } from "../log.ts";

/** How long an isolate uses settings without asking. A shard that knows newer ones says so, so this only saves reads. */
const FRESH_MS = 5000;
const MAX_ENTRIES = 10_000;
/** Keys of one read of KV: its limit. */
const KV_KEYS = 100;
/** Writes of KV that one request makes for others. */
const PUBLISHED_AT_ONCE = 12;

interface Entry {
  settings: QueueSettings;
  until: number;
}

/**
 * Queue settings for the hot path: memory, then KV, then D1's primary. All copies carry a version and the highest
 * wins; that a queue does not exist is never remembered. KV is an optional middle: it may fail or lag and nothing
 * is wrong, and while D1 is down it keeps submissions going.
 */
export class SettingsCache {
  readonly #entries = new Map<string, Entry>();
  readonly #database: D1Database;
  readonly #kv: KVNamespace;

  constructor(database: D1Database, kv: KVNamespace) {
    this.#database = database;
    this.#kv = kv;
  }

  /** The settings, or a 404 problem when there is no such queue (any more). */
  async get(namespace: string, queue: string, now: number): Promise<Result<QueueSettings>> {
    return found(queue, this.#fresh(namespace, queue, now) ?? (await this.#read(namespace, queue, now)));
  }

  /**
   * The same for many queues, in their order. What this isolate does not know is read together: a request with a queue for each
   * of its jobs makes a few reads, and not two for each.
   */
  async several(namespace: string, queues: readonly string[], now: number): Promise<Result<QueueSettings>[]> {
    const [queue, ...others] = queues;
    if (queue === undefined) return [];
    if (others.length === 0) return [await this.get(namespace, queue, now)];
    const known = new Map<string, Result<QueueSettings | null>>();
    for (const name of queues) {
      const fresh = this.#fresh(namespace, name, now);
      if (fresh !== null) known.set(name, fresh);
    }
    const asked = queues.filter((name) => !known.has(name));
    const inKv = await this.#manyFromKv(namespace, asked);
    for (const [name, settings] of inKv) if (this.#believes(settings, now)) known.set(name, settings);
    const left = asked.filter((name) => !known.has(name));
    const stored = await this.#manyFromDatabase(namespace, left);
    for (const [name, settings] of stored) {
      known.set(name, settings);
      if (settings !== null && !isProblem(settings)) this.learn(settings, now);
    }
    await this.#publishSome(stored, inKv);
    return queues.map((name) => found(name, known.get(name) ?? null));
  }

  /** Takes settings from a shard or from a change made here; older ones are ignored. */
  learn(settings: QueueSettings, now: number): void {
    const key = cacheKey(settings.namespace, settings.name);
    const entry = this.#entries.get(key);
    // A namespace that was deleted and made again begins with the version 1: its queue is made later.
    const isNewer = entry !== undefined && entry.settings.version > settings.version;
    if (isNewer && entry.settings.createdAt >= settings.createdAt) return;
    this.#entries.delete(key);
    if (this.#entries.size >= MAX_ENTRIES) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, { settings, until: now + FRESH_MS });
  }

  /** Forgets a queue of a namespace that is being deleted, here and in KV. Throws when KV does not answer. */
  async forget(namespace: string, queue: string): Promise<void> {
    this.#entries.delete(cacheKey(namespace, queue));
    await this.#kv.delete(kvKey(namespace, queue));
  }

  /** Gives other isolates the settings through KV. Failing is harmless. */
  async publish(settings: QueueSettings): Promise<void> {
    try {
      await this.#kv.put(kvKey(settings.namespace, settings.name), JSON.stringify(settings));
    } catch (error) {
      log("warn", "kv-put", { reason: reasonOf(error) });
    }
  }

  /** What this isolate read a moment ago; null where that is too long ago. */
  #fresh(namespace: string, queue: string, now: number): QueueSettings | null {
    const entry = this.#entries.get(cacheKey(namespace, queue));
    return entry !== undefined && entry.until > now && entry.until <= now + FRESH_MS ? entry.settings : null;
  }

  /** Takes what KV has, where it is no older than what this isolate already knew: KV can be a minute behind. */
  #believes(cached: QueueSettings, now: number): boolean {
    const known = this.#entries.get(cacheKey(cached.namespace, cached.name))?.settings.version ?? -1;
    if (cached.deleted || cached.version < known) return false;
    this.learn(cached, now);
    return true;
  }

  async #read(namespace: string, queue: string, now: number): Promise<Result<QueueSettings | null>> {
    const cached = await this.#fromKv(namespace, queue);
    if (cached !== null && this.#believes(cached, now)) return cached;
    const stored = await this.#fromDatabase(namespace, queue);
    if (stored === null || isProblem(stored)) return stored;
    this.learn(stored, now);
    if (stored.version > 0 && stored.version !== cached?.version) await this.publish(stored);
    return stored;
  }

  async #fromKv(namespace: string, queue: string): Promise<QueueSettings | null> {
    try {
      const cached = await this.#kv.get<QueueSettings>(kvKey(namespace, queue), { type: "json", cacheTtl: 30 });
      return cached;
    } catch (error) {
      log("warn", "kv-get", { reason: reasonOf(error) });
      return null;
    }
  }

  async #fromDatabase(namespace: string, queue: string): Promise<Result<QueueSettings | null>> {
    try {
      const stored = await findQueue(primary(this.#database), namespace, queue);
      return stored ?? (queue === DEFAULT_QUEUE ? implicitDefault(namespace) : null);
    } catch (error) {
      log("error", "settings-database", { reason: reasonOf(error) });
      return this.#withoutDatabase(namespace, queue);
    }
  }

  /** Old settings are better than none: shards were told of every change, and correct whoever has older ones. */
  #withoutDatabase(namespace: string, queue: string): Result<QueueSettings> {
    const known = this.#entries.get(cacheKey(namespace, queue))?.settings;
    if (known !== undefined) return known;
    return queue === DEFAULT_QUEUE ? implicitDefault(namespace) : unavailable.settings();
  }

  async #manyFromKv(namespace: string, queues: string[]): Promise<Map<string, QueueSettings>> {
    const found = new Map<string, QueueSettings>();
    const read = async (some: string[]) => {
      const keys = some.map((queue) => kvKey(namespace, queue));
      const cached = await this.#kv.get<QueueSettings>(keys, { type: "json", cacheTtl: 30 });
      some.forEach((queue, i) => {
        const settings = cached.get(keys[i] ?? "");
        if (settings !== null && settings !== undefined) found.set(queue, settings);
      });
    };
    try {
      await Promise.all(chunksOf(queues, KV_KEYS).map(read));
    } catch (error) {
      log("warn", "kv-get", { reason: reasonOf(error) });
    }
    return found;
  }

  async #manyFromDatabase(namespace: string, queues: string[]): Promise<Map<string, Result<QueueSettings | null>>> {
    if (queues.length === 0) return new Map();
    try {
      const keys = queues.map((name) => ({ namespace, name }));
      const stored = await findQueues(primary(this.#database), keys);
      const byName = new Map(stored.map((settings) => [settings.name, settings]));
      const unwritten = (queue: string) => (queue === DEFAULT_QUEUE ? implicitDefault(namespace) : null);
      return new Map(queues.map((queue) => [queue, byName.get(queue) ?? unwritten(queue)]));
    } catch (error) {
      log("error", "settings-database", { reason: reasonOf(error) });
      return new Map(queues.map((queue) => [queue, this.#withoutDatabase(namespace, queue)]));
    }
  }

  /** Of many queues that KV lacks some are published, and others by the requests that come next: each is a write. */
  async #publishSome(
    stored: ReadonlyMap<string, Result<QueueSettings | null>>,
    inKv: ReadonlyMap<string, QueueSettings>,
  ): Promise<void> {
    const lacking = [...stored.values()].flatMap((settings) => {
      if (settings === null || isProblem(settings) || settings.version === 0) return [];
      return settings.version === inKv.get(settings.name)?.version ? [] : [settings];
    });
    await Promise.all(lacking.slice(0, PUBLISHED_AT_ONCE).map((settings) => this.publish(settings)));
  }
}

function found(queue: string, settings: Result<QueueSettings | null>): Result<QueueSettings> {
  if (isProblem(settings)) return settings;
  return settings === null || settings.deleted ? notFound.queue(queue) : settings;
}

function chunksOf<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function cacheKey(namespace: string, queue: string): string {
  return `${namespace}/${queue}`;
}

function kvKey(namespace: string, queue: string): string {
  return `settings:${namespace}/${queue}`;
}
