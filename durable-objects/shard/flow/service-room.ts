import type { ServiceDemand, ServiceOffer } from "../../../contract/rpc/service.ts";
import { serviceObject } from "../../../contract/rpc/service.ts";
import { decide, type QueueOffer, type SharedRoom } from "../../../domain/claim.ts";
import type { FairShare } from "../../../domain/fairness.ts";
import type { KnownQueue } from "../queues/known-queue.ts";

/** What a queue offers to a claim. */
export interface ServiceQueueOffer {
  /** Of a queue whose jobs go to a service, with the permits that are there. */
  offer: QueueOffer<KnownQueue>;
  /** With all that could be asked for; null: no more than is there. */
  asking: QueueOffer<KnownQueue> | null;
}

/**
 * What one claim may start of jobs of services: as many as its executor has permits for. Jobs that could start beyond that take their
 * turns too, and leave room: the executor is told of their services, asks them, and comes again.
 */
export class ServiceRoom {
  /** By `serviceKey`. */
  readonly #permits: Map<string, number>;
  readonly #asking: ReadonlySet<string>;
  #demand = new Map<string, ServiceDemand>();

  constructor(offers: readonly ServiceOffer[] = []) {
    this.#permits = new Map(
      offers.map(({ namespace, service, permits }) => [serviceObject(namespace, service), permits]),
    );
    this.#asking = new Set(
      offers.flatMap(({ namespace, service, asking = false }) => (asking ? serviceObject(namespace, service) : [])),
    );
  }

  /** The executor asks the service already. */
  isAsked(service: string): boolean {
    return this.#asking.has(service);
  }

  /** What more may start of a service by the permits that are there. */
  left(service: string): number {
    return this.#permits.get(service) ?? 0;
  }

  /** So many jobs of it have started. */
  take(service: string, jobs: number): void {
    this.#permits.set(service, this.left(service) - jobs);
  }

  /** The services that the executor is to ask, by `serviceKey`. */
  get demand(): ReadonlyMap<string, ServiceDemand> {
    return this.#demand;
  }

  /** `offer` with what there is of its service, and with what could be asked for beside it: `more` jobs. */
  offered(offer: QueueOffer<KnownQueue>, service: string, more: number): ServiceQueueOffer {
    const left = this.left(service);
    const having = (room: number) => ({
      ...offer,
      shared: [...offer.shared, { name: service, room } satisfies SharedRoom],
    });
    return { offer: having(left), asking: more > 0 ? having(left + more) : null };
  }

  /** Works out what is to be asked for, if jobs took their turns as if there were permits for all. Answers how many jobs that is. */
  plan(offers: readonly ServiceQueueOffer[], room: number, fairShare: FairShare): number {
    this.#demand = new Map();
    if (!offers.some(({ asking }) => asking !== null)) return 0;
    const { grants } = decide(
      offers.map(({ offer, asking }) => asking ?? offer),
      room,
      fairShare,
    );
    const wanted = new Map<string, ServiceDemand>();
    for (const { queue, ids } of grants) {
      const { target, namespace } = queue.settings;
      if (target.type !== "service") continue;
      const key = serviceObject(namespace, target.service);
      const jobs = (wanted.get(key)?.jobs ?? 0) + ids.length;
      wanted.set(key, { namespace, service: target.service, jobs });
    }
    let missing = 0;
    for (const [key, { jobs, ...service }] of wanted) {
      const beyond = jobs - this.left(key);
      if (beyond <= 0) continue;
      this.#demand.set(key, { ...service, jobs: beyond });
      missing += beyond;
    }
    return missing;
  }
}
