import type { AuditView, ReadyView } from "../../contract/admin.ts";
import { objectStub } from "../../contract/object-stub.ts";
import { isProblem, type Result } from "../../contract/problems.ts";
import { type ServiceApi, serviceObject } from "../../contract/rpc/service.ts";
import type { RateLimiterApi, ShardHealth, TransactionApi } from "../../contract/rpc.ts";
import { MasterKeys } from "../crypto/master-key.ts";
import { Vault } from "../crypto/vault.ts";
import { primary } from "../db/client.ts";
import type { DatabaseSize } from "../db/database-size.ts";
import { type Databases, historyDatabases } from "../db/databases.ts";
import { type RetryD1, retrying } from "../db/retry.ts";
import { findService } from "../db/services.ts";
import { Authenticator } from "./access/auth.ts";
import { KeyUse } from "./access/key-use.ts";
import { RateBudgets } from "./access/rate-budgets.ts";
import { BadKeys, WindowCounter } from "./access/rate-limit.ts";
import { RecentRevocations } from "./access/revocations.ts";
import { Signer } from "./access/signing.ts";
import { TokenSeal } from "./access/token.ts";
import { UnderWay } from "./access/under-way.ts";
import { WaitingRequests } from "./access/waiting-requests.ts";
import { type Config, configOf } from "./config.ts";
import { CronRounds } from "./cron-round.ts";
import { fromDatabase } from "./database.ts";
import { AcceptedRecords } from "./deferred/accepted-records.ts";
import { Deferral } from "./deferred/deferral.ts";
import { KeptBodies } from "./proxy/kept-bodies.ts";
import { ObservedServices } from "./proxy/observed-services.ts";
import type { ProxyPorts } from "./proxy/proxy.ts";
import { Remembered, type RememberedPorts } from "./remembered.ts";
import { DrainedQueues } from "./routing/drained-queues.ts";
import { SettingsCache } from "./routing/settings-cache.ts";
import { ShardClient } from "./routing/shard-client.ts";
import { SharedDraw } from "./routing/shared-draw.ts";
import { WaitingClaims } from "./routing/waiting-claims.ts";
import { openWatch } from "./routing/watch.ts";
import { Bookmarks } from "./sessions/bookmark.ts";

/** What readiness, the audit and health may be old, in milliseconds: to ask more often costs nothing more. */
const READINESS_MS = 1_000;
const AUDIT_MS = 1_000;
const HEALTH_MS = 5_000;

/** How a shard is, under its id. */
export interface NamedHealth {
  id: string;
  health: ShardHealth;
}

/** What an isolate keeps between requests: caches and counters, none of them the truth about anything. */
export interface Services {
  config: Config;
  database: D1Database;
  /** All that have history in them. */
  databases: Databases;
  /** Counts bad keys by address. */
  badKeys: BadKeys;
  /** Counts refused calls of each key that went to the audit log. */
  refusedNotes: WindowCounter;
  /** Asks the parts of the platform that answer without a shard whether they are there. */
  pings: Record<"kv" | "queues", () => Promise<unknown>>;
  /** What is answered to everybody who asks whether Dure can work, and what operators measure: each remembered for a moment. */
  readiness: Remembered<ReadyView>;
  health: Remembered<Result<NamedHealth[]>>;
  audits: Remembered<Result<AuditView>>;
  sizes: Remembered<DatabaseSize[]>;
  cron: CronRounds;
  /** Uniform in [0, 1). */
  random(): number;
  /** Where single jobs without a key go. */
  placing: SharedDraw;
  shards: ShardClient;
  drained: DrainedQueues;
  waitingClaims: WaitingClaims;
  /** The transaction of an atomic batch, by its name. */
  transaction(id: string): TransactionApi;
  /** The object of a service. */
  service(key: { namespace: string; name: string }): ServiceApi;
  /** The services that requests are passed on to, and how they leave; made when the first is. */
  proxied(): ProxyPorts;
  settings: SettingsCache;
  auth: Authenticator;
  seal: TokenSeal;
  revocations: RecentRevocations;
  keyUse: KeyUse;
  /** What keys and namespaces may still ask for. */
  rates: RateBudgets;
  /** The object that keeps the budgets of this name. */
  rateLimiter(name: string): RateLimiterApi;
  masterKeys: MasterKeys;
  vault: Vault;
  underWay: UnderWay;
  waiting: WaitingRequests;
  signer: Signer;
  bookmarks: Bookmarks;
  /** Does a read of D1 again that failed in passing. */
  retryD1: RetryD1;
  accepted: AcceptedRecords;
  deferral: Deferral;
}

const built = new WeakMap<Env, Services>();

/** What is remembered of answers that many ask for. */
function rememberedAnswers(ports: RememberedPorts): Pick<Services, "readiness" | "health" | "audits" | "sizes"> {
  return {
    readiness: new Remembered(READINESS_MS, ports),
    health: new Remembered<Result<NamedHealth[]>>(HEALTH_MS, ports, (health) => !isProblem(health)),
    audits: new Remembered<Result<AuditView>>(AUDIT_MS, ports, (view) => !isProblem(view)),
    sizes: new Remembered<DatabaseSize[]>(HEALTH_MS, ports),
  };
}

/** The services of this isolate, made on first use. */
export function servicesOf(env: Env): Services {
  const known = built.get(env);
  if (known !== undefined) return known;
  const config = configOf(env);
  const masterKeys = new MasterKeys(config.masterKeys);
  const signer = new Signer(masterKeys);
  const ports = portsOf(env);
  const revocations = new RecentRevocations(() => objectStub(env.DIRECTORY, "directory", env));
  const seal = new TokenSeal(async () => (await masterKeys.current()).checksums);
  const rateLimiter = (name: string) => objectStub(env.RATE_LIMITER, name, env);
  const accepted = new AcceptedRecords(env.CACHE, ports.sleep);
  const services: Services = {
    config,
    database: env.DB,
    databases: historyDatabases(env),
    badKeys: new BadKeys(env.BAD_KEY_LIMIT),
    pings: { kv: () => env.CACHE.get("readyz"), queues: () => env.LANE_DEFAULT.metrics() },
    ...rememberedAnswers(ports),
    cron: new CronRounds(env.CACHE),
    random: ports.random,
    placing: new SharedDraw(ports.random),
    shards: new ShardClient(ports),
    drained: new DrainedQueues(),
    waitingClaims: new WaitingClaims(),
    transaction: (id) => objectStub(env.TRANSACTION, id, env),
    service: ({ namespace, name }) => objectStub(env.SERVICE, serviceObject(namespace, name), env),
    proxied: lazily(() => proxiedOf(env, { ports, config })),
    settings: new SettingsCache(env.DB, env.CACHE),
    auth: new Authenticator({
      database: env.DB,
      revocations,
      seal,
      rootKeys: { current: config.rootKey, previous: config.previousRootKey },
    }),
    seal,
    revocations,
    keyUse: new KeyUse(env.DB),
    rates: new RateBudgets({ limiter: rateLimiter, sleep: ports.sleep }),
    rateLimiter,
    refusedNotes: new WindowCounter(),
    masterKeys,
    vault: new Vault(masterKeys),
    underWay: new UnderWay(),
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

/** Makes it when it is asked for, once. */
function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function proxiedOf(env: Env, { ports, config }: { ports: ReturnType<typeof portsOf>; config: Config }): ProxyPorts {
  const services = new ObservedServices({
    ...ports,
    holder: crypto.randomUUID(),
    find: (namespace, name) => fromDatabase(() => findService(primary(env.DB), { namespace, name })),
    object: (namespace, name) => objectStub(env.SERVICE, serviceObject(namespace, name), env),
  });
  return {
    services,
    kept: new KeptBodies(),
    now: ports.now,
    random: ports.random,
    targets: config.targets,
    fetch: (url, init) => fetch(url, init),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    },
  };
}

function portsOf(env: Env): ConstructorParameters<typeof ShardClient>[0] {
  return {
    shard: (id) => objectStub(env.SHARD, id, env),
    watch: (id, request, hear) => openWatch(objectStub(env.SHARD, id, env), request, hear),
    directory: () => objectStub(env.DIRECTORY, "directory", env),
    now: () => Date.now(),
    random: () => Math.random(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
