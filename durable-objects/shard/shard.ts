import { DurableObject } from "cloudflare:workers";
import type { Doorbell } from "../../contract/doorbell.ts";
import { objectStub } from "../../contract/object-stub.ts";
import { type MapSource, type Reply, type ShardApi, type ShardCall, watchOf } from "../../contract/rpc.ts";
import { parseShare } from "../../domain/connections.ts";
import { faultText } from "../../domain/fault.ts";
import { durableSql } from "../do-sql.ts";
import { COMMANDS, type Request, type Result } from "./commands.ts";
import { queueOf } from "./doorbells/bell-queues.ts";
import { DRIVERS } from "./drivers.ts";
import { EACH_JOB } from "./jobs/job-store.ts";
import { parsePacking } from "./jobs/packs/packing.ts";
import { waitForAnswer } from "./kernel/call-wait.ts";
import type { Command } from "./kernel/command.ts";
import type { Driver } from "./kernel/driver.ts";
import { GroupCommit, type RunTogether } from "./kernel/group-commit.ts";
import { LongPolls } from "./kernel/long-poll.ts";
import { unguessable } from "./kernel/randomness.ts";
import { Watches } from "./kernel/watches.ts";
import { ShardCore } from "./shard-core.ts";
import { awaited, isThere } from "./watched.ts";

/** Requests of one namespace that one shard holds at most, whoever sends them through however many isolates. */
const MAX_WAITING_OF_NAMESPACE = 4_000;

/** How often the platform is asked for an alarm that is armed and that it does not name, and how long after each other, in ms. */
const ALARM_LOOKS = 10;
const ALARM_LOOK_MS = 25;

/** What every instance has by its prototype: the calls of `commands.ts`. */
const Calls = DurableObject as new (ctx: DurableObjectState, env: Env) => DurableObject<Env> & ShardApi;

/**
 * The Durable Object of a shard: its clock, its alarm, the commit that calls share, and the calls that are held. It knows
 * no call and no subsystem by name.
 */
export class Shard extends Calls {
  #core: ShardCore;
  /** The object has started. */
  #started = false;
  #group = new GroupCommit();
  #together = new Map<keyof ShardApi, RunTogether<never, unknown>>();
  #polls = new LongPolls(MAX_WAITING_OF_NAMESPACE);
  #drivers: Driver[];
  #watches: Watches;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? ctx.id.toString();
    this.#core = new ShardCore(name, {
      sql: durableSql(ctx.storage),
      now: () => Date.now(),
      random: unguessable,
      setAlarm: (at) => ctx.waitUntil(this.#started ? ctx.storage.setAlarm(at) : this.#keepAlarm(at)),
      ring: (bell, delaySeconds) => this.#ring(bell, delaySeconds),
      callWaiting: (key, most) => this.#polls.wake(key, most),
      setAside: ({ kind, key, tries, fault }) => {
        // Keys that users have chosen are in the names of other rows. It may be told before there is a core: of settings.
        const row = kind === EACH_JOB.kind ? { job: key } : {};
        console.error(JSON.stringify({ at: "shard.set-aside", shard: name, kind, ...row, tries, error: fault }));
      },
      packing: parsePacking(env.PACKS),
      connectionShares: {
        namespace: parseShare("NAMESPACE_SHARE", env.NAMESPACE_SHARE),
        host: parseShare("HOST_SHARE", env.HOST_SHARE),
      },
    });
    this.#started = true;
    this.#drivers = DRIVERS.map((make) =>
      make({
        engine: this.#core.engine,
        run: (step) => this.#group.run(step),
        bindings: () => this.env,
        waitUntil: (work) => ctx.waitUntil(work),
      }),
    );
    this.#core.engine.listen((step) => {
      for (const [key, most] of step.woken) this.#polls.wake(key, most);
      this.#drive();
    });
    const { engine } = this.#core;
    this.#watches = new Watches({
      sockets: ctx,
      polls: this.#polls,
      now: () => engine.now(),
      isThere: (request) => isThere(engine, request),
      awaits: (request) => awaited(engine, request),
    });
  }

  /** Opens a watch. Everything else that is asked of a shard is a call. */
  override async fetch(request: globalThis.Request): Promise<Response> {
    const watch = watchOf(request);
    if (watch === null) return new Response(null, { status: 404 });
    await this.#knowSlots(watch);
    return this.#watches.open(watch);
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#watches.waitOn(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#watches.closed(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#watches.closed(socket);
  }

  /** One call of `commands.ts`, with its wait. */
  protected async serve<Name extends keyof ShardApi>(name: Name, request: Request<Name>): Promise<Reply<Result<Name>>> {
    await this.#knowSlots(request);
    const command: Command<Request<Name>, Result<Name>> = COMMANDS[name];
    const asksAlarm = command.kind === "direct" && command.asksAlarm === true;
    const alarmAt = asksAlarm ? await this.#alarmAt() : undefined;
    const run = () => this.#core.reply(this.#core.call(name, request, alarmAt));
    // What the platform said of the alarm is true of now, and not of when the steps that wait have run.
    const reply = command.kind === "read" || asksAlarm ? run() : await this.#commit(name, request, run);
    const { patience } = command;
    if (patience === undefined) return reply;
    const { engine } = this.#core;
    const holder = { engine, polls: this.#polls, now: () => Date.now(), drive: () => this.#drive() };
    return waitForAnswer(holder, patience, { request, reply, run });
  }

  /** Runs a call in a turn with whatever else comes, and in one step with calls like it where it may share one. */
  #commit<Name extends keyof ShardApi>(
    name: Name,
    request: Request<Name>,
    run: () => Reply<Result<Name>>,
  ): Promise<Reply<Result<Name>>> {
    if (!this.#core.mayJoin(name, request)) return this.#group.run(run);
    return this.#group.join(this.#togetherOf(name), request);
  }

  /** The same for each name, because those are joined that it is the same for. */
  #togetherOf<Name extends keyof ShardApi>(name: Name): RunTogether<Request<Name>, Reply<Result<Name>>> {
    const known = this.#together.get(name);
    if (known !== undefined) return known as RunTogether<Request<Name>, Reply<Result<Name>>>;
    const together: RunTogether<Request<Name>, Reply<Result<Name>>> = (requests) =>
      this.#core
        .callTogether(name, requests)
        .map((outcome) =>
          outcome.status === "fulfilled" ? { ...outcome, value: this.#core.reply(outcome.value) } : outcome,
        );
    this.#together.set(name, together as RunTogether<never, unknown>);
    return together;
  }

  override async alarm(): Promise<void> {
    try {
      this.#core.alarm();
    } catch (error) {
      // An alarm that throws six times is dropped for good; the core has armed the next one before it began.
      console.error(JSON.stringify({ at: "shard.alarm", shard: this.#core.name, error: faultText(error) }));
    }
  }

  /**
   * Sees that an object that starts has an alarm, at `at` (epoch ms) at the latest: mostly it has, and to set it anew would be a row at
   * each start. What is set meanwhile counts.
   */
  async #keepAlarm(at: number): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(Math.min(at, this.#core.engine.armedAt ?? at));
  }

  /** What the alarm is set to. While one that is overdue begins, the platform names none: then it is asked again for a moment. */
  async #alarmAt(): Promise<number | null> {
    for (let looks = 1; ; looks++) {
      const at = await this.ctx.storage.getAlarm();
      if (at !== null || looks === ALARM_LOOKS || this.#core.engine.armedAt === null) return at;
      await new Promise((wake) => setTimeout(wake, ALARM_LOOK_MS));
    }
  }

  #drive(): void {
    for (const driver of this.#drivers) driver.drive();
  }

  /** A shard that has no map, or hears of a newer one, asks the Directory before it answers. */
  async #knowSlots({ epoch }: ShardCall): Promise<void> {
    const map = this.#core.map();
    if (map !== null && map.epoch >= epoch) return;
    const directory: MapSource = objectStub(this.env.DIRECTORY, "directory", this.env);
    this.#core.adopt(await directory.map({ shard: this.#core.name }));
  }

  /** A bell is a hint: when the Queue refuses it, the alarm rings again. */
  #ring(bell: Doorbell, delaySeconds: number): void {
    const sent = queueOf(this.env, bell).send(bell, delaySeconds > 0 ? { delaySeconds } : {});
    const noted = sent.then(
      () => undefined,
      (error: unknown) => console.warn(JSON.stringify({ at: "shard.ring", bell, error: faultText(error) })),
    );
    this.ctx.waitUntil(noted);
  }
}

for (const name of Object.keys(COMMANDS) as (keyof ShardApi)[]) {
  Object.defineProperty(Shard.prototype, name, {
    value(this: Shard, request: never) {
      return this.serve(name, request);
    },
  });
}
