import type * as rpc from "../../../contract/rpc.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { CARRY_OUT_MS, type Outcome } from "../../../domain/two-phase.ts";
import type { Engine } from "../engine.ts";
import { SubscriptionParts } from "../subscriptions/subscription-parts.ts";
import { decide, prepare, told } from "./transaction.ts";

/** The shard's commands about its parts of atomic batches: see `transaction.ts`. */
export abstract class BatchParts extends SubscriptionParts {
  #engine: Engine;

  constructor(engine: Engine) {
    super(engine);
    this.#engine = engine;
  }

  prepare(request: rpc.PrepareRequest): rpc.PrepareReply {
    const slots = request.jobs.flatMap(({ id }) => parseJobId(id)?.slot ?? []);
    return this.#oneNotMine(slots) ?? prepare(this.#engine, request);
  }

  decide(request: rpc.DecideRequest): rpc.DecideReply {
    const moved = this.#oneNotMine(request.slots);
    return moved ?? this.#engine.step((turn) => decide(turn, request.txn, request.outcome));
  }

  /** What the coordinator of `txn` answered. */
  told(txn: string, outcome: Outcome): void {
    this.#engine.step((turn) => told(turn, txn, outcome));
  }

  /** The transaction that decides whether there is a job `id`; none when that is decided. */
  transactionsOf(id: string): string[] {
    const undecided = this.#engine.stores.transactions.of(id);
    return undecided === null ? [] : [undecided.txn];
  }

  /** Transactions prepared for so long that their senders may have been told of a commit which this shard has not heard. */
  transactionsOverdue(): string[] {
    const { transactions } = this.#engine.stores;
    return transactions.any ? transactions.preparedSince(this.#engine.now() - CARRY_OUT_MS) : [];
  }

  #oneNotMine(slots: number[]): rpc.Moved | null {
    for (const slot of slots) {
      const moved = this.slotNotMine(slot);
      if (moved !== null) return moved;
    }
    return null;
  }
}
