import { isProblem, notFound, type Result, unavailable } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue } from "../../db/queues.ts";
import { log, reasonOf } from "../log.ts";

/** How long an isolate uses settings without asking. A shard that knows newer ones says so, so this only saves reads. */
const FRESH_MS = 5000;
const MAX_ENTRIES = 10_000;

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
    const entry = this.#entries.get(cacheKey(namespace, queue));
    const settings =
      entry !== undefined && entry.until > now && entry.until <= now + FRESH_MS
        ? entry.settings
        : await this.#read(namespace, queue, now);
    if (isProblem(settings)) return settings;
    return settings === null || settings.deleted ? notFound.queue(queue) : settings;
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

  async #read(namespace: string, queue: string, now: number): Promise<Result<QueueSettings | null>> {
    const known = this.#entries.get(cacheKey(namespace, queue))?.settings.version ?? -1;
    const cached = await this.#fromKv(namespace, queue);
    // KV can be a minute behind what this isolate already knew.
    if (cached !== null && !cached.deleted && cached.version >= known) {
      this.learn(cached, now);
      return cached;
    }
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
      // Old settings are better than none: shards were told of every change, and correct whoever has older ones.
      const known = this.#entries.get(cacheKey(namespace, queue))?.settings;
      if (known !== undefined) return known;
      if (queue === DEFAULT_QUEUE) return implicitDefault(namespace);
      return unavailable.settings();
    }
  }
}

function cacheKey(namespace: string, queue: string): string {
  return `${namespace}/${queue}`;
}

function kvKey(namespace: string, queue: string): string {
  return `settings:${namespace}/${queue}`;
}
