import type * as rpc from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { partitionOf, slotOf } from "../../domain/slots.ts";
import { checkJob, type Pair } from "./checks.ts";
import { see } from "./coverage.ts";
import type { ChangeSpec, Event, JobSpec } from "./events.ts";
import type { ModelJob, ModelQueue } from "./job.ts";
import * as line from "./line.ts";
import type { KeyAction } from "./parked.ts";
import * as parked from "./parked.ts";
import { type Change, changed, type QueuePlan, settingsOf } from "./plan.ts";
import { expectSame } from "./prediction.ts";
import { CALL } from "./real.ts";
import { submit, submitAtomic } from "./submit.ts";

type Of<T extends Event["type"]> = Extract<Event, { type: T }>;

/** Who submits, changes jobs and configures queues. */
export class Gateway {
  readonly #pair: Pair;
  readonly #plans: QueuePlan[];
  /** The settings that the gateway has, which may be newer than the shard's, and those before. */
  readonly #settings: QueueSettings[];
  readonly #before: QueueSettings[];
  readonly #sent: rpc.NewJob[] = [];
  #lastSeq = 0;

  constructor(pair: Pair, plans: QueuePlan[]) {
    this.#pair = pair;
    this.#plans = plans;
    this.#settings = plans.map(settingsOf);
    this.#before = [...this.#settings];
    this.#push(this.#settings);
  }

  #push(queues: QueueSettings[]): void {
    for (const settings of queues) this.#pair.model.learn(settings);
    this.#pair.real.core.configure({ ...CALL, queues });
  }

  configure({ queue, change, pushed }: { queue: number; change: Change; pushed: boolean }): void {
    const at = queue % this.#plans.length;
    const [plan, before] = [this.#plans[at], this.#settings[at]];
    if (plan === undefined || before === undefined) throw new Error(`no queue ${at}`);
    const after = { ...changed(plan, before, change), updatedAt: this.#pair.model.now };
    this.#before[at] = before;
    this.#settings[at] = after;
    // Otherwise the next submission brings them.
    if (pushed) this.#push([after]);
  }

  submit({ jobs: specs, atomic, stale }: Of<"submit">): void {
    const settings = stale ? this.#before : this.#settings;
    const places = [...new Set(specs.map(({ queue }) => queue % settings.length))];
    const queues = places.map((place) => settings[place] as QueueSettings);
    const jobs = specs.map((spec) => this.#job(spec, places.indexOf(spec.queue % settings.length), queues));
    this.#send(queues, jobs, atomic);
    this.#sent.push(...jobs.map((job) => ({ ...job, queue: places[job.queue] ?? 0 })));
  }

  /** A gateway lost the answer, and sends the same once more. */
  resend(which: number): void {
    const sent = this.#sent[which % Math.max(1, this.#sent.length)];
    const job = sent === undefined ? undefined : this.#pair.model.job(sent.id);
    const settings = sent === undefined ? undefined : this.#settings[sent.queue];
    if (sent === undefined || settings === undefined || job === undefined || job.attempt > 0) return;
    // It comes within seconds: before its key, or the job itself, has run out.
    if (this.#pair.model.now > job.createdAt + 1_000 || this.#pair.model.now < job.createdAt || job.finishedAt !== null)
      return;
    if (sent.expiresAt !== null && sent.expiresAt <= this.#pair.model.now) return;
    this.#send([settings], [{ ...sent, queue: 0 }], false);
  }

  #send(queues: QueueSettings[], jobs: rpc.NewJob[], atomic: boolean): void {
    const { model, real } = this.#pair;
    const predicted = atomic ? submitAtomic(model, queues, jobs) : submit(model, queues, jobs);
    const reply = real.core.submit({ ...CALL, queues, jobs, atomic });
    const answered = reply.type === "submitted" ? reply.results.map((result) => this.#told(result)) : null;
    expectSame("submit", reply.type, { predicted, answered });
    for (const { type } of predicted ?? [{ type: "newer settings" }]) see(`submit: ${type}`);
    this.#placed();
  }

  /** A replay shows the job as it is. */
  #told(result: rpc.Submitted): Record<string, unknown> {
    if (result.type !== "replayed") return result;
    const job = this.#pair.model.job(result.id);
    if (job !== undefined) checkJob(job, result.job);
    return { type: result.type, id: result.id };
  }

  /** Sequence numbers grow in the order of acceptance, and are never less than the microseconds of the clock. */
  #placed(): void {
    const seqs = this.#pair.real.seqs(this.#pair.model);
    const unplaced = this.#pair.model.jobs.filter(({ seq }) => seq === 0);
    expectSame("sequence", "order", { predicted: unplaced.map(({ id }) => id), answered: seqs.map(({ id }) => id) });
    for (const [i, { seq }] of seqs.entries()) {
      const grows = seq > this.#lastSeq && seq >= this.#pair.model.now * 1000;
      expectSame("sequence", `${seq} after ${this.#lastSeq}`, { predicted: true, answered: grows });
      (unplaced[i] as ModelJob).seq = seq;
      this.#lastSeq = seq;
    }
  }

  #job(spec: JobSpec, queue: number, queues: QueueSettings[]): rpc.NewJob {
    const { namespace, name, partitions } = queues[queue] as QueueSettings;
    const { now } = this.#pair.model;
    const { asRunAt, delayMs, expiresInMs, concurrencyKey, idempotency, timeoutMs, retry, priority } = spec;
    // The gateway refuses both keys where each would decide the place.
    const both = partitions === 1;
    const orderingKey = both || concurrencyKey === null ? spec.orderingKey : null;
    // Read back, node:sqlite cuts a text at a NUL, which the scope of a concurrency key has: its window never ends here.
    const cut = orderingKey === null && concurrencyKey !== null;
    const dedup = spec.dedup === null || !cut ? spec.dedup : { ...spec.dedup, windowMs: null };
    const keys = {
      orderingKey,
      concurrencyKey,
      dedupKey: dedup?.key ?? null,
      idempotencyKey: idempotency?.key ?? null,
    };
    const partition = partitionOf(keys, partitions, (this.#sent.length % 7) / 7);
    return {
      ...{ id: this.#pair.real.newId(slotOf(namespace, name, partition)), queue, partition, priority },
      ...{ orderingKey, concurrencyKey, idempotency, dedup, timeoutMs, retry },
      delayMs: asRunAt ? null : delayMs,
      runAt: asRunAt && delayMs !== null ? now + delayMs : null,
      expiresAt: expiresInMs === null ? null : now + expiresInMs,
      tags: [],
      payload: JSON.stringify(this.#sent.length),
      createdAt: null,
      parent: null,
    };
  }

  change({ type, which, foreign, ...event }: Of<"cancel" | "retry">): void {
    const { model, real } = this.#pair;
    const running = model.jobs.filter(({ state }) => state === "running");
    const jobs = "atWork" in event && event.atWork && running.length > 0 ? running : model.jobs;
    const job = jobs[which % Math.max(1, jobs.length)];
    if (job === undefined) return;
    const namespace = foreign ? "elsewhere" : job.queue.settings.namespace;
    const reply = real.core[type]({ ...CALL, namespace, id: job.id });
    model.ask(job);
    const predicted = foreign ? "none" : type === "cancel" ? model.cancel(job) : model.retry(job);
    see(`${type}: ${predicted}`);
    if (predicted === "job" && type === "retry" && line.headOf(model, job.queue, job.orderingKey ?? "") === job) {
      see("a redriven job before a waiting one");
    }
    expectSame("change", `${type} ${job.id}`, { predicted, answered: reply.type });
    if (reply.type === "job" || reply.type === "conflict") checkJob(job, reply.job);
  }

  patch({ which, changes: spec, version, foreign }: Of<"patch">): void {
    const { model, real } = this.#pair;
    const job = model.jobs[which % Math.max(1, model.jobs.length)];
    if (job === undefined) return;
    const changes = changesOf(spec, model.now);
    const namespace = foreign ? "elsewhere" : job.queue.settings.namespace;
    const versions = version === "any" ? null : [this.#versionOf(job) + (version === "its" ? 0 : 1)];
    const reply = real.core.patch({ ...CALL, namespace, id: job.id, changes, versions });
    model.ask(job);
    const predicted = foreign ? "none" : version === "another" ? "version" : model.patch(job, changes);
    this.#changed("patch", job, { predicted, reply });
  }

  runNow({ which, foreign }: Of<"run-now">): void {
    const { model, real } = this.#pair;
    const job = model.jobs[which % Math.max(1, model.jobs.length)];
    if (job === undefined) return;
    const namespace = foreign ? "elsewhere" : job.queue.settings.namespace;
    const reply = real.core.runNow({ ...CALL, namespace, id: job.id, versions: null });
    model.ask(job);
    this.#changed("run-now", job, { predicted: foreign ? "none" : model.runNow(job), reply });
  }

  #versionOf(job: ModelJob): number {
    const reply = this.#pair.real.get(job.queue.settings.namespace, job.id);
    this.#pair.model.ask(job);
    return reply.type === "job" ? reply.job.version : 0;
  }

  #changed(call: string, job: ModelJob, { predicted, reply }: { predicted: string; reply: rpc.PatchReply }): void {
    expectSame("change", `${call} ${job.id}`, { predicted, answered: reply.type });
    see(`${call}: ${reply.type}`);
    if (reply.type === "job" || reply.type === "conflict") checkJob(job, reply.job);
  }

  purge(queue: ModelQueue, limit: number): void {
    const { namespace, name } = queue.settings;
    // Which of two that wait for each other goes first, and so which of them is left to answer, nobody says.
    const pairs = this.#pair.model.dedup.holders.filter((held) => held.queue === queue && held.next !== null);
    if (pairs.some(({ job }) => job.state !== "running")) return;
    let answered = 0;
    let after: string | null = null;
    for (let more = true; more; ) {
      const reply: rpc.PurgeReply = this.#pair.real.core.purge({ ...CALL, namespace, queue: name, limit, after });
      answered += reply.cancelled;
      more = reply.more;
      after = reply.next ?? null;
    }
    expectSame("purge", `${namespace}/${name}`, { predicted: this.#pair.model.purge(queue), answered });
    if (answered > 0) see("a purge");
  }

  key(queue: ModelQueue, key: string, action: KeyAction): void {
    const { model, real } = this.#pair;
    const { settings } = queue;
    const partition = partitionOf({ orderingKey: key, idempotencyKey: null }, settings.partitions, 0);
    const slot = slotOf(settings.namespace, settings.name, partition);
    const reply = real.core.changeKey({ ...CALL, settings, slot, key, action, job: null });
    const done = model.changeKey(queue, key, action);
    expectSame("change", `${action} ${key}`, { predicted: done ? "key" : "not-blocked", answered: reply.type });
    if (reply.type !== "key" && reply.type !== "not-blocked") return;
    const { since: _, error, ...answered } = reply.key;
    const predicted = parked.stateOf(model.jobs, queue, key);
    expectSame("change", `key ${key}`, { predicted, answered: { ...answered, error: error?.code ?? null } });
    see(`a key: ${reply.type} ${answered.state}`);
  }
}

function changesOf({ runInMs, expiresInMs, ...same }: ChangeSpec, now: number): rpc.JobChanges {
  const time = (ms: number | null) => (ms === null ? null : now + ms);
  return {
    ...same,
    ...(runInMs === undefined ? {} : { runAt: time(runInMs) }),
    ...(expiresInMs === undefined ? {} : { expiresAt: time(expiresInMs) }),
  };
}
