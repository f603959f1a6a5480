import type { ServiceDemand, ServiceOffer } from "../../../contract/rpc/service.ts";
import type { WorkItem } from "../../../contract/rpc.ts";
import type { KeptPermit, PermitSource, Refusal, Reservation, ServiceName } from "./permit-ports.ts";

/** What a loop has of one service. */
interface Known extends ServiceName {
  /** The service is being asked. */
  asking: boolean;
  /** For the next call. */
  permits: KeptPermit[];
  /** Those that a call under way offers. */
  offered: KeptPermit[];
  /** What it has said and the shard has not heard; null: nothing. */
  news: News | null;
  /** What a call under way says of that. */
  told: News | null;
}

/** What a service has said. */
interface News {
  /** Null: it gave all. */
  refusal: Refusal | null;
  /** When a refusal is over, epoch milliseconds. */
  until: number;
  /** There is no such service: its jobs are claimed all the same, to be told. */
  isUnknown: boolean;
}

/**
 * The permits with which one loop claims. Its shard says of which services jobs could start, the services are asked, and the next call
 * has what they gave: so a job of a service is in nobody's hands before its permit is there. A call offers what is kept and what is
 * spare in the isolate, of services that the loop has heard of, and gives back what nothing was claimed with.
 */
export class ServiceOffers {
  readonly #source: PermitSource;
  readonly #now: () => number;
  readonly #onAnswer: () => void;
  readonly #known = new Map<string, Known>();
  #ended = false;

  /** `onAnswer` is called when a service has been asked: then there is something to say in a call. */
  constructor({ source, now, onAnswer }: { source: PermitSource; now: () => number; onAnswer: () => void }) {
    this.#source = source;
    this.#now = now;
    this.#onAnswer = onAnswer;
  }

  /** A service is being asked. */
  get asking(): boolean {
    return [...this.#known.values()].some(({ asking }) => asking);
  }

  /** A service has said something that the shard is to hear, or has given permits. */
  get hasNews(): boolean {
    return [...this.#known.values()].some(({ news, permits }) => news !== null || permits.length > 0);
  }

  /** The shard has jobs of these services that permits are missing for. */
  heard(demands: readonly ServiceDemand[]): void {
    for (const { namespace, service, jobs } of demands) {
      const known = this.#of({ namespace, name: service });
      if (known.asking) continue;
      known.asking = true;
      void this.#source
        .reserve({ namespace, name: service }, jobs)
        .then((reservation) => this.#take(known, reservation));
    }
  }

  /** What to say in a call that claims with so many connections; what cannot be used then is given back. */
  offer(connections: number): ServiceOffer[] {
    return [...this.#known.values()].flatMap((known) => {
      const { namespace, name, news } = known;
      const offered = known.permits.splice(0);
      for (const permit of offered.splice(connections)) permit.release();
      const missing = connections - offered.length;
      if (missing > 0) offered.push(...this.#source.spare({ namespace, name }, missing));
      // Its shard has been told that permits were wanting, and would tell nobody to ask for starts.
      if (offered.length === 0 && connections > 0 && this.#source.lacksStarts({ namespace, name })) {
        this.heard([{ namespace, service: name, jobs: connections }]);
      }
      known.offered = offered;
      known.told = news;
      const permits = news?.isUnknown ? connections : offered.length;
      if (permits === 0 && news === null && !known.asking) return [];
      const said = news === null || news.isUnknown ? {} : { refusal: this.#refusalOf(news) };
      return [{ namespace, service: name, permits, ...said, ...(known.asking ? { asking: true } : {}) }];
    });
  }

  /** The permit with which a job was claimed; null: it needs none, or none is left. */
  permitOf({ namespace, target }: WorkItem): KeptPermit | null {
    if (target.type !== "service") return null;
    return this.#known.get(keyOf({ namespace, name: target.service }))?.offered.shift() ?? null;
  }

  /** A call is over; `wasHeard` says whether it was answered. What is left of its permits is given back. */
  called(wasHeard: boolean): void {
    for (const known of this.#known.values()) {
      for (const permit of known.offered.splice(0)) permit.release();
      if (wasHeard && known.news === known.told) known.news = null;
    }
  }

  /** The loop has ended: it wants nothing any more. */
  end(): void {
    this.#ended = true;
    for (const known of this.#known.values()) for (const permit of known.permits.splice(0)) permit.release();
  }

  #take(known: Known, { permits, refusal, unknown = false }: Reservation): void {
    known.asking = false;
    if (this.#ended) {
      for (const permit of permits) permit.release();
      return;
    }
    known.permits.push(...permits);
    if (refusal !== undefined || unknown) {
      known.news = { refusal: refusal ?? null, until: this.#now() + (refusal?.nextMs ?? 0), isUnknown: unknown };
    }
    this.#onAnswer();
  }

  #refusalOf({ refusal, until }: News): Refusal | null {
    return refusal === null ? null : { ...refusal, nextMs: Math.max(1, until - this.#now()) };
  }

  #of({ namespace, name }: ServiceName): Known {
    const key = keyOf({ namespace, name });
    const known: Known = this.#known.get(key) ?? {
      namespace,
      name,
      asking: false,
      permits: [],
      offered: [],
      news: null,
      told: null,
    };
    this.#known.set(key, known);
    return known;
  }
}

function keyOf({ namespace, name }: ServiceName): string {
  return `${namespace}/${name}`;
}

/** Where a loop has no services to ask: a shard then gives it none of their jobs. */
export const NO_PERMITS: PermitSource = {
  spare: () => [],
  reserve: () => Promise.resolve({ permits: [] }),
  lacksStarts: () => false,
};
