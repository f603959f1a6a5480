/** A shard, work loops and the object of a service in virtual time: bells ring, loops claim, ask for permits, and send what they may. */
import type { ServiceHold } from "../../contract/rpc/service.ts";
import type { HandedOver, Outcome, WorkItem, WorkRequest } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import { Connections } from "../../workers/processor/connections.ts";
import type { PermitPorts } from "../../workers/processor/services/permit-ports.ts";
import type { ServicePermits } from "../../workers/processor/services/permits.ts";
import { startWorkLoop } from "../../workers/processor/work-loop.ts";
import type { Control, WorkPorts } from "../../workers/processor/work-ports.ts";
import { MAILER, PermitsRig } from "./permits-rig.ts";
import { Harness } from "./shard-harness.ts";

const RPC_MS = 2;
const BUDGET_MS = 750;
/** A Queue brings a bell so long after it was rung. */
const BELL_MS = 20;
const TARGET = { type: "service", service: MAILER.name, path: "/send" } as const;
const DONE: Outcome = { ok: true, result: null, resultTruncated: false };
const FAILED: Outcome = { ok: false, error: { code: "down", message: "", retryable: true }, retryAfterMs: null };

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

export class ServiceWorld extends PermitsRig {
  readonly shard: Harness;
  /** The calls of loops to the shard. */
  readonly shardCalls: WorkRequest[] = [];
  /** Jobs that were sent to the service, in their order. */
  readonly sent: string[] = [];
  /** Jobs of other targets that were run. */
  readonly others: string[] = [];
  /** What jobs in hand were told that got no permit. */
  readonly heldInHand: ServiceHold["refusal"][] = [];
  /** Loops that have not ended. */
  loops = 0;
  /** Whether the shard can be reached. */
  reachable = true;
  /** Jobs of the service fail before they use their permits. */
  failsEarly = false;
  /** How long a request takes, in ms, and whether it succeeds. */
  answer: { ms: number; ok: boolean } = { ms: 20, ok: true };
  /** The permits of the processor that lives. */
  permits: ServicePermits;
  #rung = 0;
  #epoch = 0;

  constructor(service: Partial<ServiceSettings> = {}, queue: Partial<QueueSettings> = {}) {
    super(service);
    this.permits = this.pool("isolate-0");
    this.shard = new Harness({ name: "mails", target: TARGET, ...queue });
    this.shard.now = this.clock.now();
  }

  /** The processor is killed, with all that it has in hand, and another one hears bells from now on. */
  kill(): void {
    this.#epoch += 1;
    this.permits = this.pool(`isolate-${this.#epoch}`);
  }

  /** Does something at the shard, now. */
  at<T>(act: (shard: Harness) => T): T {
    this.shard.now = this.clock.now();
    const result = act(this.shard);
    this.#follow();
    return result;
  }

  /** The shard's object dies, and another starts over its rows. */
  restartShard(): void {
    this.at((shard) => {
      shard.restart();
      shard.core.alarm();
    });
  }

  /** Sets the alarm, and brings the bells that were rung. */
  #follow(): void {
    const { alarmAt, bells } = this.shard;
    if (alarmAt !== null) this.clock.at(alarmAt, () => this.#alarm());
    for (; this.#rung < bells.length; this.#rung++) {
      const { bell, delaySeconds } = bells[this.#rung] ?? { bell: null, delaySeconds: 0 };
      if (bell?.kind === "work") this.clock.after(BELL_MS + delaySeconds * 1_000, () => this.loop());
    }
  }

  #alarm(): void {
    const { alarmAt } = this.shard;
    if (alarmAt === null || alarmAt > this.clock.now()) return;
    this.at((shard) => {
      shard.alarmAt = null;
      shard.core.alarm();
    });
  }

  /** A bell is heard. */
  loop(): void {
    this.loops += 1;
    const { done } = startWorkLoop(this.#workPorts(), {
      lane: "default",
      worker: `w-${this.shardCalls.length}`,
      budgetMs: BUDGET_MS,
      endsAt: this.clock.now() + 800_000,
      pollMs: 0,
      connections: new Connections(6, 250),
    });
    void done.then(() => {
      this.loops -= 1;
    });
  }

  /** As an invocation has them that dies with its processor. */
  override ports(): PermitPorts {
    const epoch = this.#epoch;
    const lives = () => this.#epoch === epoch;
    const { work, after, ...ports } = super.ports();
    return {
      ...ports,
      work: (service, request) => (lives() ? work(service, request) : never()),
      after: (ms, wake) => after(ms, () => lives() && wake()),
    };
  }

  #workPorts(): WorkPorts {
    const epoch = this.#epoch;
    const permitPorts = this.ports();
    const lives = () => this.#epoch === epoch;
    return {
      work: async (request) => {
        if (!lives()) return never();
        await this.sleep(RPC_MS / 2);
        this.shardCalls.push(request);
        if (!this.reachable) throw new Error("not reached");
        const reply = structuredClone(this.at((shard) => shard.core.work(request)));
        await this.sleep(RPC_MS / 2);
        return lives() ? reply : never();
      },
      extend: async (request) => {
        if (!lives()) return never();
        await this.sleep(RPC_MS);
        const reply = this.at((shard) => shard.core.extend(request));
        if (reply.type !== "extended") throw new Error("busy");
        return reply;
      },
      report: () => Promise.reject(new Error("nothing moves")),
      execute: (item, control) => (lives() ? this.#execute(item, control) : never()),
      now: () => this.clock.now(),
      random: () => 0.5,
      after: permitPorts.after,
      log: () => undefined,
      permits: this.permits.source(permitPorts),
    };
  }

  async #execute(item: WorkItem, { signal, deadlineAt, permit: kept = null }: Control): Promise<Outcome | HandedOver> {
    if (item.target.type !== "service") {
      this.others.push(item.id);
      return DONE;
    }
    if (this.failsEarly) return FAILED;
    const acquired = await this.permits.acquire(this.ports(), MAILER, { key: null, signal, deadlineAt, kept });
    if (acquired.type === "unknown") return FAILED;
    if (acquired.type === "held") {
      const { refusal } = acquired;
      this.heldInHand.push(refusal);
      const hold = { service: MAILER.name, refusal };
      return { ...FAILED, retryAfterMs: 0, putBack: "released", hold } as Outcome;
    }
    this.sent.push(item.id);
    const { answer } = this;
    await this.use(acquired.permit, answer);
    return answer.ok ? DONE : FAILED;
  }
}
