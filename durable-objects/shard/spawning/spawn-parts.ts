import type * as rpc from "../../../contract/rpc.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import type { Engine } from "../engine.ts";
import { BatchParts } from "../transactions/batch-parts.ts";
import { receive } from "./arrive.ts";
import type { Delivery } from "./courier.ts";

/** The shard's commands about jobs that successes bring: see `launch.ts` and `arrive.ts`. */
export abstract class SpawnParts extends BatchParts {
  #engine: Engine;

  constructor(engine: Engine) {
    super(engine);
    this.#engine = engine;
  }

  receive(request: rpc.ReceiveRequest): rpc.ReceiveReply {
    for (const { slot } of request.jobs) {
      const moved = this.slotNotMine(slot);
      if (moved !== null) return moved;
    }
    return this.#engine.step((turn) => receive(turn, request));
  }

  /** The calls that are to be made now, each with an answer for `delivered`. */
  deliveries(): Delivery[] {
    return this.#engine.stores.courier.take(this.#engine.now());
  }

  /** What became of a call; null: it failed, or nobody knows. */
  delivered(delivery: Delivery, reply: rpc.ReceiveReply | null): void {
    const { courier } = this.#engine.stores;
    if (reply?.type === "moved") this.#engine.adopt(reply.map);
    const left = new Set(reply?.type === "received" ? reply.left : []);
    this.#engine.step((turn) => {
      const { spawns } = turn.stores;
      if (reply?.type !== "received") return turn.wake(courier.failed(delivery.to, turn.now));
      if (delivery.type === "letters") spawns.lettersSent(delivery.letters.map(({ id }) => id));
      else spawns.arrived(delivery.request.jobs.filter(({ seq }) => !left.has(seq)));
      turn.onCommit(() => {
        spawns.recount();
        if (left.size === 0) courier.answered(delivery.to);
      });
      if (left.size > 0) turn.wake(courier.failed(delivery.to, turn.now));
    });
  }

  /** Whether one of these jobs, which successes here have brought, has not reached its shard. */
  someOnTheirWay(ids: readonly string[]): boolean {
    const { spawns } = this.#engine.stores;
    return ids.some((id) => spawns.isOnItsWay(parseJobId(id)?.slot ?? -1, id));
  }
}
