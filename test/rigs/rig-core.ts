import type { AuditReply, ReceiveReply } from "../../contract/rpc.ts";
import type { Outcome } from "../../domain/two-phase.ts";
import { auditWhole } from "../../durable-objects/shard/audit/audit.ts";
import type { Delivery } from "../../durable-objects/shard/outbox/outbox-schedule.ts";
import { deliveries, noteDelivered } from "../../durable-objects/shard/outbox/sender.ts";
import { RESERVATIONS } from "../../durable-objects/shard/reservations/reservation-store.ts";
import { ShardCore } from "../../durable-objects/shard/shard-core.ts";
import { INQUIRIES } from "../../durable-objects/shard/transactions/inquiries.ts";
import { learnOutcome } from "../../durable-objects/shard/transactions/transaction.ts";

/** A shard whose host makes the calls that its drivers would make in a Durable Object. */
export class RigCore extends ShardCore {
  /** What the audit finds when it looks at the whole shard now, however large it is. */
  auditWhole(alarmAt: number | null): AuditReply {
    return auditWhole(this.engine, alarmAt);
  }

  /** The calls that are to be made now, each with an answer for `delivered`. */
  deliveries(): Delivery[] {
    return deliveries(this.engine);
  }

  /** What became of a call; null: it failed, or nobody knows. */
  delivered(delivery: Delivery, reply: ReceiveReply | null): void {
    noteDelivered(this.engine, delivery, reply);
  }

  /** The transaction that decides whether there is a job `id`; none when that is decided. */
  transactionsOf(id: string): string[] {
    const undecided = this.engine.get(RESERVATIONS).of(id);
    return undecided === null ? [] : [undecided.txn];
  }

  /** The transactions whose coordinators are to be asked, each once. */
  inquiries(): string[] {
    const inquiries = this.engine.get(INQUIRIES);
    const asked = [...inquiries];
    inquiries.clear();
    return asked;
  }

  /** What a coordinator answered. */
  learnOutcome(txn: string, outcome: Outcome): void {
    this.engine.step((step) => learnOutcome(step, txn, outcome));
  }
}
