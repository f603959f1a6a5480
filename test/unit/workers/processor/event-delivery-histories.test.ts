import { expect, test } from "vitest";
import type { DeliverRequest } from "../../../../contract/rpc.ts";
import type { LifecycleEvent } from "../../../../domain/subscription.ts";
import { Connections } from "../../../../workers/processor/connections.ts";
import { startDelivery } from "../../../../workers/processor/events/delivery.ts";
import type { DeliveryPorts } from "../../../../workers/processor/events/delivery-ports.ts";
import { lane } from "../../../lane.ts";
import { committed, firstDeliveries, liveOn, watched } from "../../../rigs/event-truth.ts";
import { type Harness, HOUR, MINUTE, SECOND } from "../../../rigs/shard-harness.ts";
import { ofJob, stateOf, subscribe } from "../../../rigs/subscription-harness.ts";
import { Random } from "../../../simulation/random.ts";

/**
 * The processor's own delivery, several of them at once, over a network that loses and repeats and to a receiver that fails,
 * while jobs go on and the shard starts anew between any two messages.
 */
const HISTORIES = lane.histories.events;
const PARTS = 4;

class Scene {
  readonly h: Harness = watched();
  readonly random: Random;
  readonly got: LifecycleEvent[] = [];
  faults = true;
  readonly #held = { leases: [], ids: [] };

  constructor(seed: number) {
    this.random = new Random(seed);
    subscribe(this.h, { name: "all", target: { type: "http", url: "https://a.example", headers: {} } });
  }

  live(): void {
    liveOn(this.h, this.random, this.#held);
  }

  /** One delivery to its end. */
  async deliver(name: string): Promise<void> {
    const options = { worker: name, budgetMs: 5 * SECOND, connections: new Connections(6) };
    await startDelivery(this.#ports(), options).done;
  }

  /** Meanwhile anything may happen. */
  async #passes(): Promise<void> {
    for (let turns = this.random.int(1, 4); turns > 0; turns--) await Promise.resolve();
    if (this.#hit(0.3)) this.live();
    if (this.#hit(0.05)) this.h.restart();
  }

  #hit(probability: number): boolean {
    return this.faults && this.random.chance(probability);
  }

  #ports(): DeliveryPorts {
    const call = async (request: DeliverRequest) => {
      await this.#passes();
      if (this.#hit(0.1)) throw new Error("lost before");
      const reply = this.h.core.deliver(structuredClone(request));
      if (this.#hit(0.1)) this.h.core.deliver(structuredClone(request));
      await this.#passes();
      if (this.#hit(0.1)) throw new Error("lost after");
      return structuredClone(reply);
    };
    return {
      deliver: call,
      post: async (_, event) => {
        await this.#passes();
        const failed = { type: "failed", code: "http-503", message: "", retryAfterMs: null } as const;
        if (this.#hit(0.05)) return failed;
        this.got.push(ofJob(event));
        await this.#passes();
        return this.#hit(0.05) ? failed : { type: "delivered" };
      },
      enqueue: async () => ({ sent: 0, failure: null }),
      now: () => this.h.now,
      after: (_, wake) => {
        queueMicrotask(wake);
        return () => undefined;
      },
      log: () => undefined,
    };
  }

  /** The faults end, and everything is delivered. */
  async settle(): Promise<void> {
    this.faults = false;
    for (let rounds = 0; rounds < 50 && stateOf(this.h)?.pending !== 0; rounds++) {
      this.h.advance(rounds === 0 ? HOUR : MINUTE);
      await this.deliver(`last-${rounds}`);
    }
  }
}

test.each(Array.from({ length: PARTS }, (_, i) => i))(
  "the processor delivers every committed change, and first deliveries of a job are in order (%i)",
  async (part) => {
    let repeated = 0;
    for (let n = 0; n < HISTORIES / PARTS; n++) {
      const scene = new Scene(1_000 + part * HISTORIES + n);
      for (let round = 0; round < 8; round++) {
        for (let i = 0; i < 5; i++) scene.live();
        await Promise.all([scene.deliver(`a${round}`), scene.deliver(`b${round}`), scene.deliver(`c${round}`)]);
        scene.h.advance(scene.random.pick([SECOND, 10 * SECOND, MINUTE]));
      }
      await scene.settle();
      expect(scene.h.broken()).toEqual([]);
      const truth = committed(scene.h, () => true);
      expect(firstDeliveries(scene.got)).toEqual(truth);
      expect(stateOf(scene.h)).toMatchObject({ pending: 0, dropped: 0, failures: 0 });
      repeated += scene.got.length - [...truth.values()].flat().length;
    }
    // Without repetitions nothing was lost on its way, and this proved less than it seems.
    expect(repeated).toBeGreaterThan(10);
  },
  lane.timeoutMs,
);
