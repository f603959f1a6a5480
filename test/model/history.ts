import { checkAlarm, checkAll, checkCounts, checkWaiting, type Pair } from "./checks.ts";
import { see } from "./coverage.ts";
import type { Event } from "./events.ts";
import { Gateway } from "./gateway.ts";
import { isOver, type ModelQueue } from "./job.ts";
import { Model } from "./model.ts";
import type { Mutant } from "./mutant.ts";
import { type QueuePlan, START } from "./plan.ts";
import { Real } from "./real.ts";
import { Workers } from "./workers.ts";

/** Steps back of the clock add up to less than any period of a rate. */
const MAX_BEHIND_MS = 600;

type Acts = { [T in Event["type"]]: (event: Extract<Event, { type: T }>) => void };

/** A shard and a model to which the same things happen; whatever the shard answers is compared at once. */
export class History implements Pair {
  readonly model = new Model(START);
  readonly real: Real;
  readonly #acts: Acts;
  #happened = 0;
  /** The latest that the clock ever said. */
  #latest = START;

  constructor(plans: QueuePlan[], mutant?: Mutant) {
    this.real = new Real(START, mutant);
    this.#acts = this.#actsOf(new Gateway(this, plans), new Workers(this));
  }

  #actsOf(gateway: Gateway, workers: Workers): Acts {
    const { model, real } = this;
    return {
      submit: (event) => gateway.submit(event),
      resend: ({ which }) => gateway.resend(which),
      cancel: (event) => gateway.change(event),
      retry: (event) => gateway.change(event),
      patch: (event) => gateway.patch(event),
      "run-now": (event) => gateway.runNow(event),
      purge: ({ queue, limit }) => gateway.purge(this.#queue(queue), limit),
      key: ({ queue, key, action }) => gateway.key(this.#queue(queue), key, action),
      configure: (event) => gateway.configure(event),
      work: (event) => workers.work(this.#queue(event.queue), event),
      claim: (event) => workers.claim(this.#queue(event.queue), event),
      report: ({ reports }) => workers.report(reports),
      extend: ({ lease, leaseMs }) => workers.extend(lease, leaseMs),
      wait: ({ ms }) => this.#pass(ms),
      "wait-for": ({ offsetMs }) => this.#pass(Math.max(0, (model.soonest() ?? model.now) + offsetMs - model.now)),
      jump: ({ ms }) => this.#jump(ms),
      "step-back": ({ ms }) => this.#stepBack(ms),
      chance: ({ value }) => {
        model.randomness = value;
        real.randomness = value;
      },
      "lose-alarm": () => this.#loseAlarm(),
      wake: () => {
        real.wake();
        model.tick();
      },
      restart: ({ alarmLost }) => {
        real.restart(alarmLost);
        model.restart();
        see("a restart");
        if (model.now < this.#latest) this.happen({ type: "wake" });
      },
      plant: ({ which }) => this.#plant(which),
      mend: ({ which }) => this.#mend(which),
      look: () => checkAll(this),
    };
  }

  happen(event: Event): void {
    const act = this.#acts[event.type] as (event: Event) => void;
    act(event);
    if (this.real.awake) {
      this.real.pass(0);
      this.model.tick();
    }
    this.#latest = Math.max(this.#latest, this.model.now);
    checkWaiting(this);
    // One queue after each event, which is quick; all of them when everything is looked at.
    checkCounts(this, this.#queue(this.#happened++));
    if (this.real.awake && this.model.now === this.#latest) checkAlarm(this);
  }

  /** The end: the alarm is back, and everything is looked at. */
  end(): void {
    this.happen({ type: "wake" });
    checkAll(this);
    this.real.release();
  }

  /** Not while work throws: who asks for a job has the clock do what it comes to until then, and the rest is the alarm's. */
  #loseAlarm(): void {
    if (this.model.jobs.some(({ planted, aside }) => planted || aside !== null)) return;
    this.real.awake = false;
    see("a lost alarm");
  }

  /** Of a job with a deduplication key, which later calls may change in the middle of a submission, none. */
  #plant(which: number): void {
    if (!this.real.awake) return;
    const { jobs, dedup } = this.model;
    const keyed = new Set(dedup.holders.flatMap(({ job, next }) => [job, next?.job]));
    const plain = jobs.filter((job) => !isOver(job) && !job.planted && !keyed.has(job));
    const job = plain[which % Math.max(1, plain.length)];
    if (job === undefined) return;
    job.planted = true;
    this.real.planted.add(job.id);
  }

  #mend(which: number): void {
    const planted = this.model.jobs.filter((job) => job.planted);
    const job = planted[which % Math.max(1, planted.length)];
    if (job === undefined) return;
    job.planted = false;
    this.real.planted.delete(job.id);
  }

  #queue(which: number): ModelQueue {
    return this.model.queues[which % this.model.queues.length] as ModelQueue;
  }

  /** Everything that is due on the way happens at its time, unless the alarm is lost. */
  #pass(ms: number): void {
    this.model.pass(ms, this.real.awake);
    this.real.pass(ms);
  }

  /** What lies between happens late, and all at once. */
  #jump(ms: number): void {
    this.model.now += ms;
    this.real.now += ms;
  }

  #stepBack(ms: number): void {
    const { model, real } = this;
    if (!model.mayStepBack(ms) || this.#latest - model.now + ms > MAX_BEHIND_MS) return;
    see("a step back");
    model.now -= ms;
    real.now -= ms;
    // What an alarm would find out at some time, it finds out now: the model does not know when it fires for a bell.
    if (real.awake) this.happen({ type: "wake" });
  }
}
