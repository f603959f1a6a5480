import type { ReceiveReply, ReportReply, ShardApi } from "../../../contract/rpc.ts";
import type { GroupCommit } from "../group-commit.ts";
import { Waiters } from "../waiters.ts";
import type { Delivery } from "./courier.ts";
import type { SpawnParts } from "./spawn-parts.ts";

const ARRIVED = "arrived";

/** What a carrier needs of the object around it. Its bindings are asked for at every call. */
export interface CarrierPorts {
  core: Pick<SpawnParts, "deliveries" | "delivered" | "someOnTheirWay">;
  group: GroupCommit;
  env(): Pick<Env, "SHARD" | "DEAD">;
  waitUntil(work: Promise<unknown>): void;
}

/** Makes the calls that the courier asks for, and tells it what became of them. */
export class Carrier {
  readonly #ports: CarrierPorts;
  readonly #waiters = new Waiters();

  constructor(ports: CarrierPorts) {
    this.#ports = ports;
  }

  /** To be called after every step. */
  go(): void {
    for (const delivery of this.#ports.core.deliveries()) this.#ports.waitUntil(this.#carry(delivery));
  }

  /** Holds the answer to a report until the jobs that it names have reached their shards, `waitMs` at most. */
  async arrival(reply: ReportReply, waitMs: number): Promise<void> {
    if (reply.type !== "reported" || waitMs <= 0) return;
    const ids = reply.results.flatMap((result) => (result.status === "recorded" ? (result.spawned ?? []) : []));
    const endsAt = Date.now() + waitMs;
    for (let left = waitMs; left > 0 && this.#ports.core.someOnTheirWay(ids); left = endsAt - Date.now()) {
      await this.#waiters.wait(ARRIVED, left);
    }
  }

  async #carry(delivery: Delivery): Promise<void> {
    const { core, group } = this.#ports;
    let reply: ReceiveReply | null = null;
    try {
      reply = await this.#call(delivery);
    } catch (error) {
      console.warn(JSON.stringify({ at: "shard.deliver", to: delivery.to, error: String(error) }));
    }
    try {
      await group.run(() => core.delivered(delivery, reply));
      this.#waiters.wake(ARRIVED);
    } catch (error) {
      // What is on its way is in the rows: the alarm sends it again.
      console.error(JSON.stringify({ at: "shard.delivered", to: delivery.to, error: String(error) }));
    }
  }

  async #call(delivery: Delivery): Promise<ReceiveReply> {
    const { SHARD, DEAD } = this.#ports.env();
    if (delivery.type === "jobs") {
      // The platform's stub types turn tuples into plain arrays on their way through RPC, which values do not.
      return (SHARD.getByName(delivery.to) as unknown as ShardApi).receive(delivery.request);
    }
    await DEAD.sendBatch(delivery.letters.map((body) => ({ body })));
    return { type: "received", left: [] };
  }
}
