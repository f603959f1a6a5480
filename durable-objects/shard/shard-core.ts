import type { Doorbell } from "../../contract/doorbell.ts";
import type { Quarantined, Reply, ShardApi } from "../../contract/rpc.ts";
import type { ConnectionShares } from "../../domain/connections.ts";
import { faultText, isPlatformFault } from "../../domain/fault.ts";
import type { SlotMap } from "../../domain/slots.ts";
import { COMMANDS, type Request, type Result } from "./commands.ts";
import { CALL_WAITING, RING } from "./doorbells/doorbells.ts";
import { CONNECTION_SHARES_PART } from "./flow/connections.ts";
import { logPosition } from "./jobs/history.ts";
import { EACH_JOB } from "./jobs/job-store.ts";
import { PACKING, type Packing } from "./jobs/packs/packing.ts";
import { type Command, MOST_JOINT } from "./kernel/command.ts";
import { Engine, type EnginePorts } from "./kernel/engine.ts";
import { OWNERSHIP } from "./kernel/ownership.ts";
import type { AnyPart } from "./kernel/part.ts";
import { QUARANTINE } from "./kernel/quarantine.ts";
import { SHARD_LIMITS, SHARD_LIMITS_PART, type ShardLimits } from "./lifecycle/admission.ts";
import { FEED_LIMITS_PART, type FeedLimits } from "./subscriptions/drop.ts";
import { SUBSYSTEMS } from "./subsystems.ts";

/** Everything a shard touches outside itself: the Durable Object gives the real ones, the simulation its own. */
export interface ShardPorts extends EnginePorts {
  /** Sends a doorbell. A hint: it may fail or be lost, and never throws. */
  ring(bell: Doorbell, delaySeconds: number): void;
  /** Wakes those who wait for a key, `most` of them at most. Left out where calls are not held. */
  callWaiting?(key: string, most: number): void;
  /** What the shard may hold, laid over `SHARD_LIMITS`. */
  limits?: Partial<ShardLimits>;
  /** What the events of its subscriptions may take; `FEED_LIMITS` when left out. */
  feedLimits?: FeedLimits;
  /** What one namespace and one target host may have of a lane's connections; `CONNECTION_SHARES` when left out. */
  connectionShares?: ConnectionShares;
  /** Which jobs are packed; all that can be when left out. */
  packing?: Packing;
}

export type { Request, Result };

/** What `ShardCore.call` is given beside the name of the call. */
export type CallArguments<Name extends keyof ShardApi> = [request: Request<Name>, alarmAt?: number | null | undefined];

/** The calls of a shard as its object runs them: at once, and without the envelope. */
export type ShardCalls = {
  [Name in keyof ShardApi]: (request: Request<Name>, alarmAt?: number | null) => Result<Name>;
};

/** A class whose instances have every call of a shard. */
const Calls = class {} as new () => ShardCalls;

/**
 * One shard: the strongly consistent owner of its slots. Every call is an atomic step on SQLite: it reads the rows, asks
 * the rules in `domain/`, writes, and only then rings bells and moves the alarm. Nothing here waits; the Durable Object
 * around it does. What the calls are stands in `commands.ts`, what the shard is made of in `subsystems.ts`.
 */
export class ShardCore extends Calls {
  readonly engine: Engine;

  constructor(name: string, ports: ShardPorts) {
    super();
    this.engine = new Engine(name, { ...ports, replaced: replacedBy(ports) }, SUBSYSTEMS);
  }

  get name(): string {
    return this.engine.name;
  }

  /** The slot map this shard goes by, or null before the first `adopt`. */
  map(): SlotMap | null {
    return this.engine.get(OWNERSHIP).map;
  }

  /** Goes by this map from now on, unless a newer one is known. */
  adopt(map: SlotMap): void {
    if (map.epoch > this.engine.get(OWNERSHIP).epoch) this.engine.step((step) => step.get(OWNERSHIP).adopt(step, map));
  }

  /**
   * Runs a call, or answers `moved` in place of it. `alarmAt` is what the platform says the alarm is set to; left out, it was
   * not asked.
   */
  call<Name extends keyof ShardApi>(name: Name, request: Request<Name>, alarmAt?: number | null): Result<Name> {
    const command: Command<Request<Name>, Result<Name>> = COMMANDS[name];
    const { engine } = this;
    const { touches } = command;
    const refusal = touches.by === "slots" ? engine.get(OWNERSHIP).refusal(touches.of(request)) : null;
    if (refusal !== null) return refusal as Result<Name>;
    // Whoever asks for a job that is set aside has it tried at once.
    const job = touches.by === "slots" ? (touches.job?.(request) ?? null) : null;
    if (job !== null && engine.get(QUARANTINE).any) engine.tryAgain(EACH_JOB.kind, job);
    try {
      return this.#run(command, request, alarmAt);
    } catch (error) {
      if (isPlatformFault(error)) throw error;
      if (command.otherwise !== undefined) return command.otherwise(engine, request, error);
      if (job === null) throw error;
      return this.#quarantined(job, error) as Result<Name>;
    } finally {
      engine.armForRetries();
    }
  }

  /** Whether the call may share a step with others of its name. */
  mayJoin<Name extends keyof ShardApi>(name: Name, request: Request<Name>): boolean {
    const command: Command<Request<Name>, Result<Name>> = COMMANDS[name];
    return command.kind === "write" && command.joint?.takes(request) === true;
  }

  /** Runs calls that may share steps, and answers in their order: each as if it had run alone. */
  callTogether<Name extends keyof ShardApi>(
    name: Name,
    requests: readonly Request<Name>[],
  ): PromiseSettledResult<Result<Name>>[] {
    return chunks(requests, MOST_JOINT).flatMap(
      (some) =>
        this.#jointly(name, some)?.map((value) => ({ status: "fulfilled" as const, value })) ??
        some.map((request) => settled(() => this.call(name, request))),
    );
  }

  /** Null: nothing was done, and each is to run alone. */
  #jointly<Name extends keyof ShardApi>(name: Name, requests: readonly Request<Name>[]): Result<Name>[] | null {
    const { engine } = this;
    const command: Command<Request<Name>, Result<Name>> = COMMANDS[name];
    const { touches } = command;
    if (command.kind !== "write" || command.joint === undefined || requests.length === 1) return null;
    const ownership = engine.get(OWNERSHIP);
    if (touches.by === "slots" && requests.some((one) => ownership.refusal(touches.of(one)) !== null)) return null;
    const { joint } = command;
    try {
      return engine.step((step) => joint.run(step, requests));
    } catch (error) {
      if (isPlatformFault(error)) throw error;
      // It has undone all of them, for the fault of one.
      return null;
    }
  }

  #run<Req, Res>(command: Command<Req, Res>, request: Req, alarmAt: number | null | undefined): Res {
    const { engine } = this;
    switch (command.kind) {
      case "write":
        return engine.step((step) => command.run(step, request));
      case "read":
        return command.run(engine, request, engine.now());
      case "direct":
        return command.run(engine, request, alarmAt);
    }
  }

  /** The one job that a call is about makes it throw: it is set aside, as whatever else would throw over it. */
  #quarantined(job: string, error: unknown): Quarantined {
    const now = this.engine.now();
    const quarantine = this.engine.get(QUARANTINE);
    if (quarantine.find(EACH_JOB.kind, job) === null)
      quarantine.setAside({ kind: EACH_JOB.kind, key: job }, error, now);
    const { until = now, fault = faultText(error) } = quarantine.find(EACH_JOB.kind, job) ?? {};
    return { type: "quarantined", retryAfterMs: Math.max(0, until - now), fault };
  }

  /** The answer to a call: to be made before anything else happens in the shard, see `Reply`. */
  reply<R>(result: R): Reply<R> {
    return { result, log: logPosition(this.engine) };
  }

  /** The alarm's handler. */
  alarm(): void {
    this.engine.alarm();
  }
}

for (const name of Object.keys(COMMANDS) as (keyof ShardApi)[]) {
  Object.defineProperty(ShardCore.prototype, name, {
    value(this: ShardCore, request: never, alarmAt?: number | null) {
      return this.call(name, request, alarmAt);
    },
    writable: true,
    configurable: true,
  });
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function settled<T>(run: () => T): PromiseSettledResult<T> {
  try {
    return { status: "fulfilled", value: run() };
  } catch (reason) {
    return { status: "rejected", reason };
  }
}

function replacedBy(ports: ShardPorts): Map<AnyPart, unknown> {
  const { ring, callWaiting, limits, feedLimits, connectionShares, packing } = ports;
  const replaced = new Map<AnyPart, unknown>([[RING, ring]]);
  if (callWaiting !== undefined) replaced.set(CALL_WAITING, callWaiting);
  if (limits !== undefined) replaced.set(SHARD_LIMITS_PART, { ...SHARD_LIMITS, ...limits });
  if (feedLimits !== undefined) replaced.set(FEED_LIMITS_PART, feedLimits);
  if (connectionShares !== undefined) replaced.set(CONNECTION_SHARES_PART, connectionShares);
  if (packing !== undefined) replaced.set(PACKING, packing);
  return replaced;
}
