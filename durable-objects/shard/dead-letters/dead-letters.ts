import type * as rpc from "../../../contract/rpc.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import type { Engine } from "../engine.ts";
import { bury, deadJobs, discardFailed } from "./dead.ts";
import { failuresOf } from "./failures.ts";
import { changeKey, orderingKeys } from "./ordering-keys.ts";
import { redriveQueue } from "./redrive.ts";
import { revive } from "./revive.ts";

/** The shard's commands about failed jobs as a set, and about the ordering keys that they hold up. Each is one step. */
export abstract class DeadLetters {
  #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** `moved` when the slot lies with another shard. */
  protected abstract slotNotMine(slot: number): rpc.Moved | null;

  redrive(request: rpc.RedriveRequest): rpc.RedriveReply {
    return this.#engine.step((turn) => redriveQueue(turn, this.#engine.sql, request));
  }

  deadJobs(request: rpc.DeadJobsRequest): rpc.DeadReply {
    return this.#engine.step((turn) => deadJobs(turn, this.#engine.sql, request));
  }

  discardFailed(request: rpc.DeadWalk): rpc.DiscardReply {
    return this.#engine.step((turn) => discardFailed(turn, this.#engine.sql, request));
  }

  bury(request: rpc.BuryRequest): void {
    this.#engine.step((turn) => bury(turn, request));
  }

  revive(request: rpc.ReviveRequest): rpc.ReviveReply {
    for (const { job } of request.jobs) {
      const moved = this.slotNotMine(parseJobId(job.id)?.slot ?? 0);
      if (moved !== null) return moved;
    }
    return this.#engine.step((turn) => revive(turn, this.#engine.sql, request));
  }

  failures(request: rpc.FailuresRequest): rpc.FailuresReply {
    return this.#engine.step((turn) => failuresOf(turn, this.#engine.sql, request));
  }

  orderingKeys(request: rpc.OrderingKeysRequest): rpc.OrderingKey[] {
    return orderingKeys(this.#engine.stores, this.#engine.sql, request);
  }

  changeKey(request: rpc.ChangeKeyRequest): rpc.ChangeKeyReply {
    const moved = this.slotNotMine(request.slot);
    return moved ?? this.#engine.step((turn) => changeKey(turn, this.#engine.sql, request));
  }
}
