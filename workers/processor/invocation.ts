import { INVOCATION_SECONDS } from "../../contract/limits.ts";
import { objectStub } from "../../contract/object-stub.ts";
import { type ServiceApi, serviceObject } from "../../contract/rpc/service.ts";
import { RPC_VERSION, type ShardApi } from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import type { Lane } from "../../domain/queue.ts";
import { MasterKeys } from "../crypto/master-key.ts";
import { Vault } from "../crypto/vault.ts";
import { historyDatabases } from "../db/databases.ts";
import { retrying } from "../db/retry.ts";
import { spreadProjection } from "../db/spread-projection.ts";
import { Bindings } from "./bindings.ts";
import { type Config, readConfig } from "./config.ts";
import { Connections } from "./connections.ts";
import { startDelivery } from "./events/delivery.ts";
import type { DeliveryPorts } from "./events/delivery-ports.ts";
import { httpSubscriber } from "./events/http-subscriber.ts";
import { queueSubscriber } from "./events/queue-subscriber.ts";
import { executor, executorsOf } from "./executors/execute.ts";
import type { HttpPorts } from "./executors/http.ts";
import type { ServicePorts } from "./executors/service.ts";
import { FewAtOnce } from "./few-at-once.ts";
import { handlers } from "./load-handlers.ts";
import { log } from "./log.ts";
import { Memory } from "./memory.ts";
import { OpenTargets } from "./open-targets.ts";
import { runProjection, takingTurns } from "./projection.ts";
import { type SecretCache, webhookSecrets } from "./secrets.ts";
import type { PermitPorts, PermitSource } from "./services/permit-ports.ts";
import { ServicePermits } from "./services/permits.ts";
import { BESIDE_LONG_JOBS, sweep } from "./sweep.ts";
import { NO_CLAIMS_MS, startWorkLoop } from "./work-loop.ts";
import { EPOCH_UNKNOWN, type WorkPorts } from "./work-ports.ts";

/** Short, because Cloudflare adds consumers only when a batch ends: a backlog is met by more of them, not by longer ones. */
const BUDGET_MS = 750;
/** Where batches come one at a time there are no more consumers to wait for. */
const SWEEP_BUDGET_MS = 10_000;
/** Nobody waits for events as for jobs, and each page is a call to the shard and some to subscribers. */
const DELIVERY_BUDGET_MS = 5_000;

/**
 * Calls and writes of all projections of an invocation that are under way at once. One alone mostly waits; of many, each takes turns with
 * jobs that somebody waits for, at their shards and at the database.
 */
const COPYING_AT_ONCE = 2;

const secretCache: SecretCache = new Map();
const targetCache = new OpenTargets();
/** All invocations of an isolate share its memory, and the permits of services. */
const memory = new Memory();
const permits = new ServicePermits(() => `processor/${crypto.randomUUID()}`);

const now = () => Date.now();
const after: WorkPorts["after"] = (ms, wake) => {
  const timer = setTimeout(wake, ms);
  return () => clearTimeout(timer);
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What one batch of bells starts: the real clock, network and storage behind the ports of the loops. */
export class Invocation {
  readonly #env: ProcessorEnv;
  readonly #endsAt = now() + secondsToMs(INVOCATION_SECONDS);
  readonly #worker = `processor/${crypto.randomUUID()}`;
  readonly #sweepMs: number;
  readonly #waitMs: number;
  readonly #connections: Connections;
  readonly #copying = new FewAtOnce(COPYING_AT_ONCE, after);
  readonly #http: HttpPorts;
  readonly #execute: WorkPorts["execute"];

  constructor(env: ProcessorEnv) {
    const config = readConfig(env);
    this.#env = env;
    this.#sweepMs = config.sweepMs;
    this.#waitMs = config.waitMs;
    this.#connections = new Connections(config.maxConnections, config.laneConsumers);
    this.#http = {
      fetch: (url, init) => fetch(url, init),
      now,
      after,
      spanId: () => hex(randomBytes(8)),
      openTarget: (owner, target) => targetCache.open({ vault: vaultOf(config), now }, owner, target),
      secrets: (namespace) =>
        webhookSecrets({ db: env.DB, vault: vaultOf(config), now, randomBytes }, secretCache, namespace),
      targets: config.targets,
    };
    const bindings = new Bindings(env, config.bindings);
    const acquire: ServicePorts["acquire"] = (service, of) => permits.acquire(this.#permitPorts, service, of);
    this.#execute = executor(executorsOf({ handlers, http: this.#http, bindings, acquire }));
  }

  /** Works for `shards` in `lane` until they are dry or the time is spent. Never rejects. */
  async work(lane: Lane, shards: Set<string>): Promise<void> {
    await this.#sweep(lane, shards);
    await permits.giveBack(this.#permitPorts);
  }

  #sweep(lane: Lane, shards: Set<string>): Promise<void> {
    const sweeping = this.#sweepMs > 0;
    const start = (shard: string) =>
      startWorkLoop(this.#workPorts(shard, lane), {
        lane,
        worker: this.#worker,
        budgetMs: sweeping ? SWEEP_BUDGET_MS : BUDGET_MS,
        pollMs: this.#sweepMs,
        waitMs: this.#waitMs,
        endsAt: this.#endsAt,
        connections: this.#connections,
        memory,
      });
    const untilWork = async (shard: string, waitMs: number) =>
      (await this.#shard(shard).awaitLane({ v: RPC_VERSION, epoch: EPOCH_UNKNOWN, lane, waitMs })).result;
    const isOver = () => now() >= this.#endsAt - NO_CLAIMS_MS;
    const ports = { start, shards: () => this.#allShards(), after, isOver };
    // To be told of work keeps a shard in memory, which costs nothing on a local host alone.
    return sweeping
      ? sweep({ ...ports, untilWork }, shards, { ...BESIDE_LONG_JOBS, firstMs: this.#sweepMs })
      : sweep(ports, shards, BESIDE_LONG_JOBS);
  }

  /** Copies the finished jobs of `shard` to history. Never rejects. */
  project(shard: string): Promise<void> {
    const db = spreadProjection(historyDatabases(this.#env), {
      now,
      retryD1: retrying({ random: Math.random, sleep }),
    });
    const ports = takingTurns({ shard: this.#shard(shard), db }, this.#copying);
    return runProjection({ ...ports, now, sleep, log: (event) => log(event, { shard }) }, shard);
  }

  /** Delivers the events of `shards` to their subscribers. Never rejects. */
  tell(shards: Set<string>): Promise<void> {
    const start = (shard: string) =>
      startDelivery(this.#deliveryPorts(shard), {
        worker: crypto.randomUUID(),
        budgetMs: DELIVERY_BUDGET_MS,
        connections: this.#connections,
      });
    const isOver = () => now() >= this.#endsAt;
    const pace = { firstMs: this.#sweepMs, mostMs: this.#sweepMs };
    return sweep({ start, shards: () => this.#allShards(), after, isOver }, shards, pace);
  }

  #deliveryPorts(shard: string): DeliveryPorts {
    return {
      deliver: async (request) => (await this.#shard(shard).deliver(request)).result,
      post: httpSubscriber({ ...this.#http, timeout: (ms) => AbortSignal.timeout(ms) }),
      enqueue: queueSubscriber({ ...this.#env }),
      now,
      after,
      log: (event) => log(event, { shard }),
    };
  }

  #workPorts(shard: string, lane: Lane): WorkPorts {
    return {
      // A stub is broken by most errors, so every call takes a new one.
      work: async (request) => (await this.#shard(shard).work(request)).result,
      extend: async (request, home) => (await this.#shard(home ?? shard).extend(request)).result,
      report: async (home, request) => (await this.#shard(home).report(request)).result,
      execute: this.#execute,
      now,
      random: Math.random,
      after,
      log: (event) => log(event, { shard, lane }),
      permits: this.#permits,
    };
  }

  readonly #permitPorts: PermitPorts = {
    work: ({ namespace, name }, request) => {
      const service: ServiceApi = objectStub(this.#env.SERVICE, serviceObject(namespace, name), this.#env);
      return service.work(request);
    },
    now,
    random: Math.random,
    after,
  };

  readonly #permits: PermitSource = permits.source(this.#permitPorts);

  #shard(id: string): ShardApi {
    return objectStub(this.#env.SHARD, id, this.#env);
  }

  async #allShards(): Promise<string[]> {
    const map = await objectStub(this.#env.DIRECTORY, "directory", this.#env).map();
    return map.shards.map((shard) => shard.id);
  }
}

let vault: { keys: string; vault: Vault } | null = null;

/** One an isolate, because deriving keys takes longer than opening with them. */
function vaultOf({ masterKeys }: Config): Vault {
  const keys = JSON.stringify(masterKeys);
  if (vault?.keys !== keys) vault = { keys, vault: new Vault(new MasterKeys(masterKeys)) };
  return vault.vault;
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
