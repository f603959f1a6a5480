import { objectStub } from "../../../contract/object-stub.ts";
import type { ReceiveReply, ReportReply, ReportRequest, ShardApi } from "../../../contract/rpc.ts";
import { faultText } from "../../../domain/fault.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import type { Patience } from "../kernel/command.ts";
import type { Driver, DriverHost } from "../kernel/driver.ts";
import type { Engine } from "../kernel/engine.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { type Delivery, jobOf, OUTBOX_SCHEDULE, PATIENCE_MS, type Unfit } from "./outbox-schedule.ts";
import { EACH_OUTGOING, OUTBOX, type OutboxRow } from "./outbox-store.ts";

/** What those are woken by who wait until spawned jobs have reached their shards. */
const DELIVERED = "delivered";

/** Makes the calls that the schedule asks for, and tells it what became of them. */
export class OutboxSender implements Driver {
  readonly #host: DriverHost;

  constructor(host: DriverHost) {
    this.#host = host;
  }

  drive(): void {
    for (const delivery of deliveries(this.#host.engine)) this.#host.waitUntil(this.#send(delivery));
  }

  async #send(delivery: Delivery): Promise<void> {
    let reply: ReceiveReply | null = null;
    try {
      reply = await this.#call(delivery);
    } catch (error) {
      console.warn(JSON.stringify({ at: "shard.deliver", to: delivery.to, error: faultText(error) }));
    }
    try {
      await this.#host.run(() => noteDelivered(this.#host.engine, delivery, reply));
    } catch (error) {
      // What is on its way is in the rows: the alarm sends it again.
      console.error(JSON.stringify({ at: "shard.delivered", to: delivery.to, error: faultText(error) }));
    }
  }

  async #call(delivery: Delivery): Promise<ReceiveReply> {
    const bindings = this.#host.bindings();
    if (delivery.type === "jobs") {
      const receiver: Pick<ShardApi, "receive"> = objectStub(bindings.SHARD, delivery.to, bindings);
      return (await receiver.receive(delivery.request)).result;
    }
    await bindings.DEAD.sendBatch(delivery.letters.map((body) => ({ body })));
    return { type: "received", left: [] };
  }
}

/** The calls that are to be made now, each with an answer for `noteDelivered`. */
export function deliveries(engine: Engine): Delivery[] {
  const schedule = engine.get(OUTBOX_SCHEDULE);
  const made = schedule.take(engine.now());
  const unfit = schedule.takeUnfit();
  if (unfit.length > 0) engine.step((step) => setAside(step, unfit));
  return made;
}

/** Jobs that cannot be sent make way for those behind them. */
function setAside(step: Step, jobs: readonly Unfit[]): void {
  const quarantine = step.get(QUARANTINE);
  for (const { error, ...row } of jobs) {
    step.get(OUTBOX).setAside(step, row);
    step.onCommit(() => quarantine.setAside({ kind: EACH_OUTGOING.kind, key: row.id }, error, step.now));
  }
  step.wakeAt(step.now + PATIENCE_MS);
}

/** Jobs that were set aside and can be sent by now go as the last of their slots, at most `limit`. True when more may. */
export function sendAgain(step: Step, limit: number): boolean {
  const outbox = step.get(OUTBOX);
  const rows = outbox.aside(limit + step.get(QUARANTINE).count(EACH_OUTGOING.kind, step.now));
  const each = (row: OutboxRow) => {
    jobOf(row, step.get(QUEUES));
    outbox.sendAgain(step, row, step.get(SEQUENCE).next(step.now));
  };
  // Its receiver may throw once more: until that has taken it, the backoff goes on.
  return walk(step, { ...EACH_OUTGOING, unproven: true }, { rows, each }) === limit;
}

/** When a job that was set aside is tried again; null when none is. */
export function nextTryAt(parts: Parts, now: number): number | null {
  const outbox = parts.get(OUTBOX);
  const some = (limit: number) => outbox.aside(limit).map(({ id }) => ({ key: id, at: now }));
  const next = () => (outbox.hasAsides ? now : null);
  return parts.get(QUARANTINE).nextAt({ kind: EACH_OUTGOING.kind, now }, next, some);
}

/** What became of a call; null: it failed, or nobody knows. */
export function noteDelivered(engine: Engine, delivery: Delivery, reply: ReceiveReply | null): void {
  engine.step((step) => {
    const schedule = step.get(OUTBOX_SCHEDULE);
    step.wake(DELIVERED);
    if (reply?.type === "moved") step.get(OWNERSHIP).adopt(step, reply.map);
    if (reply?.type !== "received") return schedule.failed(step, delivery.to);
    const left = new Set(reply.left);
    takeOut(step, delivery, left);
    const unfit = new Set(reply.unfit ?? []);
    const refused = delivery.type === "jobs" ? delivery.request.jobs.filter(({ seq }) => unfit.has(seq)) : [];
    const error = new Error("its shard could not take it");
    setAside(
      step,
      refused.map(({ slot, seq, job }) => ({ slot, seq, id: job.id, error })),
    );
    if (left.size > unfit.size) schedule.failed(step, delivery.to);
    else schedule.answered(step, delivery.to);
  });
}

/** Takes out of the rows what has been delivered: all but the jobs of which the receiver has `left` the numbers. */
function takeOut(step: Step, delivery: Delivery, left: ReadonlySet<number>): void {
  const outbox = step.get(OUTBOX);
  if (delivery.type === "letters") {
    const ids = delivery.letters.map(({ id }) => id);
    outbox.lettersSent(step, ids);
  } else {
    const jobs = delivery.request.jobs.filter(({ seq }) => !left.has(seq));
    outbox.confirmed(step, jobs);
    const quarantine = step.get(QUARANTINE);
    for (const { job } of jobs) quarantine.releaseWith(step, { kind: EACH_OUTGOING.kind, key: job.id });
  }
}

/** Holds the answer to a report until the jobs that it names have reached their shards, `waitMs` at most. */
export const untilDelivered: Patience<ReportRequest, ReportReply> = {
  hold(parts, { request, result, elapsedMs }) {
    const ms = request.waitMs - elapsedMs;
    if (ms <= 0 || result.type !== "reported") return null;
    const ids = result.results.flatMap((item) => (item.status === "recorded" ? (item.spawned ?? []) : []));
    return someOnTheirWay(parts, ids) ? { key: DELIVERED, ms } : null;
  },
};

/** Whether one of these jobs, which successes here have brought, has not reached its shard. */
function someOnTheirWay(parts: Parts, ids: readonly string[]): boolean {
  const outbox = parts.get(OUTBOX);
  return ids.some((id) => outbox.isOnItsWay(parseJobId(id)?.slot ?? -1, id));
}
