import type { TransactionApi } from "../../contract/rpc.ts";
import { type RetryD1, retrying } from "../db/retry.ts";
import { Authenticator } from "./access/auth.ts";
import { RateCounter } from "./access/rate-limit.ts";
import { Signer } from "./access/signing.ts";
import { WaitingRequests } from "./access/waiting-requests.ts";
import { type Config, configOf } from "./config.ts";
import { AcceptedRecords } from "./deferred/accepted-records.ts";
import { Deferral } from "./deferred/deferral.ts";
import { SettingsCache } from "./routing/settings-cache.ts";
import { ShardClient } from "./routing/shard-client.ts";
import { Bookmarks } from "./sessions/bookmark.ts";

/** What an isolate keeps between requests: caches and counters, none of them the truth about anything. */
export interface Services {
  config: Config;
  database: D1Database;
  /** Counts bad keys by address, and the requests of each key beyond this isolate. */
  badKeys: RateLimit;
  keyRates: RateLimit;
  /** Asks the parts of the platform that answer without a shard whether they are there. */
  pings: Record<"kv" | "queues", () => Promise<unknown>>;
  shards: ShardClient;
  /** The transaction of an atomic batch, by its name. */
  transaction(id: string): TransactionApi;
  settings: SettingsCache;
  auth: Authenticator;
  rates: RateCounter;
  waiting: WaitingRequests;
  signer: Signer;
  bookmarks: Bookmarks;
  /** Does a read of D1 again that failed in passing. */
  retryD1: RetryD1;
  accepted: AcceptedRecords;
  deferral: Deferral;
}

const built = new WeakMap<Env, Services>();

/** The services of this isolate, made on first use. */
export function servicesOf(env: Env): Services {
  const known = built.get(env);
  if (known !== undefined) return known;
  const config = configOf(env);
  const signer = new Signer(config.rootKey);
  const ports = portsOf(env);
  const accepted = new AcceptedRecords(env.CACHE);
  const services: Services = {
    config,
    database: env.DB,
    badKeys: env.BAD_KEY_LIMIT,
    keyRates: env.KEY_LIMIT,
    pings: { kv: () => env.CACHE.get("readyz"), queues: () => env.LANE_DEFAULT.metrics() },
    shards: new ShardClient(ports),
    transaction: (id) => env.TRANSACTION.getByName(id),
    settings: new SettingsCache(env.DB, env.CACHE),
    auth: new Authenticator(env.DB, config.rootKey),
    rates: new RateCounter(),
    waiting: new WaitingRequests(config.waiting),
    signer,
    bookmarks: new Bookmarks(signer),
    retryD1: retrying(ports),
    accepted,
    deferral: new Deferral(env.INGEST, accepted),
  };
  built.set(env, services);
  return services;
}

function portsOf(env: Env): ConstructorParameters<typeof ShardClient>[0] {
  return {
    shard: (id) => env.SHARD.getByName(id),
    directory: () => env.DIRECTORY.getByName("directory"),
    now: () => Date.now(),
    random: () => Math.random(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
