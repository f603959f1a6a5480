import type { ServiceRefusal, ServiceWorkRequest } from "../../../contract/rpc/service.ts";
import type { RequestOutcome } from "../../../domain/service/report.ts";
import { Entry, Kept } from "./entry.ts";
import type { Reserved, Taken } from "./holding.ts";
import type { Waiter, Wish } from "./permit-line.ts";
import type {
  Acquired,
  KeptPermit,
  Permit,
  PermitPorts,
  PermitSource,
  Refusal,
  Reservation,
  ServiceName,
  Wanted,
} from "./permit-ports.ts";

/** An answer that has not come by then does not come: the invocation that asked may be gone, and with it what waited for it. */
const CALL_MS = 5_000;
/** The first job of a while waits so long for others, so that they ask together. */
const GATHER_MS = 5;
/** Where the service cannot be asked, jobs come back after this. */
const UNREACHABLE_MS = 2_000;
/** Who waits for a permit that a job of this isolate gives back waits so long. */
const PARKED_MS = 500;
/** What has failed is told so soon, with whatever fails meanwhile; and probes. */
const TELL_MS = 200;
/** So many failures are told at once: what fails at once would fail a hundred times until then. */
const TOLD_AT_ONCE = 5;
/** Permits that nobody here has needed for so long are given back. */
const IDLE_MS = 500;
/** A lease with less than this left is renewed while anything is under way. */
const RENEW_MS = 12_000;
/** So long before the lease ends, what is under way is stopped. */
const MARGIN_MS = 500;

/** What is answered where there is no such service. */
const UNKNOWN = { type: "unknown" } as const;

/** A job that is to be begun. */
interface Beginning {
  entry: Entry;
  ports: PermitPorts;
  key: string | null;
  /** What is kept for it; null: nothing, or nothing any more. */
  reserved: Reserved | null;
}

/**
 * The permits of an isolate, by service. All jobs that wait for permits of one service make one call; permits are kept over jobs while there
 * is work, reports of answers go along, and both are given back when nothing has been wanted for a moment. What is kept is plain data:
 * invocations share it, and each makes the calls and sets the timers that it needs itself.
 */
export class ServicePermits {
  readonly #makeName: () => string;
  readonly #entries = new Map<string, Entry>();
  #name: string | null = null;

  /** `makeName` names the isolate; it is called once, in an invocation. */
  constructor(makeName: () => string) {
    this.#makeName = makeName;
  }

  /** The permits as a loop has them that works for an invocation. */
  source(ports: PermitPorts): PermitSource {
    return {
      spare: (service, count) => this.#spare(this.#entry(service), ports, count),
      reserve: (service, count) => this.#reserve(ports, service, count),
      lacksStarts: (service) => this.#entry(service).holding.lacksStarts,
    };
  }

  /** The right to one request of a service, or why there is none now. Never rejects. */
  acquire(ports: PermitPorts, service: ServiceName, { kept, key, signal, deadlineAt }: Wanted): Promise<Acquired> {
    const entry = this.#entry(service);
    const job: Beginning = { entry, ports, key, reserved: kept instanceof Kept ? kept.take() : null };
    const acquired = job.reserved !== null || entry.waiters.size === 0 ? this.#begin(job) : null;
    if (acquired !== null) return Promise.resolve(acquired);
    const told = job.reserved === null ? entry.told(ports.now()) : null;
    if (told !== null && !entry.mayPark(told)) return Promise.resolve(refused(told));
    const leave = (answer: Acquired) => {
      if (job.reserved !== null) this.#giveBack(entry, ports, job.reserved);
      job.reserved = null;
      return answer;
    };
    const wish: Wish<Acquired> = {
      ports,
      deadlineAt,
      needs: () => (job.reserved === null ? 1 : 0),
      serve: () => this.#begin(job),
      refuse: (refusal) => leave(refused(refusal)),
      unknown: () => leave(UNKNOWN),
      undo: (answer) => {
        if (answer.type === "permit") answer.permit.end("unsent");
      },
    };
    return this.#wait(entry, wish, { told, signal });
  }

  /** Permits for jobs that have still to be claimed: what is there, or what the service gives. */
  #reserve(ports: PermitPorts, service: ServiceName, count: number): Promise<Reservation> {
    const entry = this.#entry(service);
    const spare = this.#spare(entry, ports, count);
    if (spare.length > 0) return Promise.resolve({ permits: spare });
    // What was said of permits says nothing of starts.
    const told = entry.holding.lacksStarts ? null : entry.told(ports.now());
    if (told !== null && !entry.mayPark(told)) return Promise.resolve({ permits: [], refusal: told });
    const wish: Wish<Reservation> = {
      ports,
      deadlineAt: Number.POSITIVE_INFINITY,
      needs: () => count,
      serve: () => {
        const permits = this.#keep(entry, ports, count);
        const now = ports.now();
        const refusal = entry.told(now) ?? (entry.gaveAllAt === now ? null : undefined);
        if (permits.length === 0) return null;
        return refusal === undefined ? { permits } : { permits, refusal };
      },
      refuse: (refusal) => ({ permits: [], refusal }),
      unknown: () => ({ permits: [], unknown: true }),
      undo: ({ permits }) => {
        for (const one of permits) one.release();
      },
    };
    return this.#wait(entry, wish, { told, signal: null });
  }

  /** Permits that nobody here uses or waits for. What is known of the instances is asked for again meanwhile, where it is old. */
  #spare(entry: Entry, ports: PermitPorts, count: number): KeptPermit[] {
    if (entry.waiters.size > 0) return [];
    const permits = this.#keep(entry, ports, count);
    if (permits.length > 0 && !entry.holding.isFresh(ports.now())) this.#ask(entry, ports, true);
    return permits;
  }

  #keep(entry: Entry, ports: PermitPorts, count: number): KeptPermit[] {
    const kept: KeptPermit[] = [];
    while (kept.length < count) {
      const reserved = entry.holding.reserve(ports.now());
      if (reserved === null) break;
      kept.push(new Kept(reserved, (one) => this.#giveBack(entry, ports, one)));
    }
    return kept;
  }

  #giveBack(entry: Entry, ports: PermitPorts, reserved: Reserved): void {
    entry.holding.release(reserved);
    this.#freed(entry, ports);
  }

  /** Begins a job by what is kept for it, or by what is there; null: it has to wait. */
  #begin(job: Beginning): Acquired | null {
    const { entry, ports, key, reserved } = job;
    const { holding } = entry;
    const at = { now: ports.now(), random: () => ports.random() };
    if (reserved !== null) {
      if (!holding.isFresh(at.now)) return null;
      const taken = holding.begin(reserved, key, at);
      job.reserved = null;
      if (taken !== null) return { type: "permit", permit: this.#permit(entry, ports, taken) };
      holding.release(reserved);
    }
    const taken = holding.take(key, at);
    return taken === null ? null : { type: "permit", permit: this.#permit(entry, ports, taken) };
  }

  /** Waits for what the service says, or where it has said it (`told`) for what comes back here. */
  #wait<Answer>(
    entry: Entry,
    wish: Wish<Answer>,
    { told, signal }: { told: Refusal | null; signal: AbortSignal | null },
  ): Promise<Answer> {
    let takeUp = () => true;
    const given = new Promise<Answer>((resolve) => {
      const answer = (what: Answer) => {
        takeUp = entry.handedOver.give(() => wish.undo(what), wish.ports.now());
        resolve(what);
      };
      const waiter = entry.waiters.join(wish, answer);
      signal?.addEventListener("abort", () => waiter.refuse(UNREACHABLE), { once: true });
      if (told === null) {
        waiter.within(2 * CALL_MS, UNREACHABLE);
        this.#ask(entry, wish.ports, true);
      } else {
        waiter.parked = true;
        waiter.within(PARKED_MS, told);
      }
    });
    // It runs in the invocation that waited, and in no other: not at all where that has ended.
    return given.then((answer) => (takeUp() ? answer : wish.refuse(UNREACHABLE)));
  }

  /** Gives back what nothing in the isolate uses, and tells what there is to tell. Never rejects. */
  async giveBack(ports: PermitPorts): Promise<void> {
    for (const { handedOver } of this.#entries.values()) handedOver.reclaim(ports.now());
    const idle = [...this.#entries.values()].filter(
      ({ holding, waiters, call }) => holding.used === 0 && waiters.size === 0 && call === null,
    );
    await Promise.all(idle.map((entry) => (entry.holding.isEmpty ? undefined : this.#call(entry, ports, false))));
    for (const entry of idle) this.#drop(entry);
  }

  #entry(service: ServiceName): Entry {
    const key = keyOf(service);
    const entry = this.#entries.get(key) ?? new Entry(service);
    this.#entries.set(key, entry);
    return entry;
  }

  /** An entry that has nothing and wants nothing is not kept. */
  #drop(entry: Entry): void {
    const { service, holding, waiters, call } = entry;
    if (holding.isEmpty && waiters.size === 0 && call === null) this.#entries.delete(keyOf(service));
  }

  /** Asks the service, unless it is being asked: then again afterwards, where anybody still waits. */
  #ask(entry: Entry, ports: PermitPorts, keeps: boolean): void {
    const now = ports.now();
    if (entry.call !== null && now < entry.call.at + CALL_MS && now >= entry.call.at) return;
    if (entry.call?.request != null) entry.holding.unheard(entry.call.request);
    entry.call = null;
    void this.#call(entry, ports, keeps);
  }

  async #call(entry: Entry, ports: PermitPorts, keeps: boolean): Promise<void> {
    const call: NonNullable<Entry["call"]> = { at: ports.now(), request: null };
    entry.call = call;
    await this.#gathered(entry, ports);
    entry.handedOver.reclaim(ports.now());
    // One that has its permit needs none: where it turns out to be lost, the service is asked again.
    const asking = entry.waiters.asking().filter(({ needs }) => needs > 0);
    const sentAt = ports.now();
    this.#name ??= this.#makeName();
    const waiting = asking.reduce((sum, { needs }) => sum + needs, 0);
    const request = entry.holding.request(this.#name, { waiting, keeps, now: sentAt });
    call.request = request;
    entry.untold = 0;
    const reply = await ports.work(entry.service, request).catch(() => null);
    // It took too long, and another has been made.
    if (entry.call !== call) return;
    entry.call = null;
    if (reply === null) this.#unanswered(entry, request);
    else if (reply.type === "unknown") this.#unknown(entry);
    else {
      entry.holding.heard(request, reply, { sentAt, now: ports.now() });
      this.#answered(entry, { asking: new Set(asking), refusal: reply.refusal, now: ports.now() });
    }
    if (entry.waiters.asking().length > 0) this.#ask(entry, ports, true);
  }

  /** The jobs of a claim are started one after the other; those of a first claim come with those of other shards. */
  #gathered({ holding, waiters }: Entry, ports: PermitPorts): Promise<void> {
    if (holding.used > 0 || holding.hasSpare || waiters.size === 0) return Promise.resolve();
    return new Promise((resolve) => ports.after(GATHER_MS, resolve));
  }

  #unanswered(entry: Entry, request: ServiceWorkRequest): void {
    entry.holding.unheard(request);
    for (const waiter of entry.waiters.all()) waiter.refuse(UNREACHABLE);
  }

  #unknown(entry: Entry): void {
    entry.holding.forget();
    for (const waiter of entry.waiters.all()) waiter.unknown();
  }

  #answered(
    entry: Entry,
    { asking, refusal, now }: { asking: ReadonlySet<Waiter>; refusal: ServiceRefusal | null; now: number },
  ): void {
    entry.refusal = refusal === null ? null : { refusal, until: now + refusal.nextMs };
    if (refusal === null) entry.gaveAllAt = now;
    entry.waiters.serve();
    const why = refusal ?? NOT_DUE;
    for (const waiter of entry.waiters.all()) {
      if (!asking.has(waiter)) continue;
      if (entry.mayPark(why)) {
        waiter.parked = true;
        waiter.within(PARKED_MS, why);
      } else waiter.refuse(why);
    }
  }

  #permit(entry: Entry, ports: PermitPorts, taken: Taken): Permit {
    const lost = new AbortController();
    const unwatch = this.#watch(entry, ports, lost);
    entry.takenAt = ports.now();
    const { url, settings } = taken;
    const end = (outcome: RequestOutcome | "unsent" | null) => {
      unwatch();
      entry.holding.end(taken, outcome, ports.now());
      this.#freed(entry, ports);
      const isFailure = outcome !== "unsent" && outcome?.ok === false;
      if (isFailure || taken.round !== null) this.#tellSoon(entry, ports);
    };
    return { url, settings, isProbe: taken.round !== null, signal: lost.signal, end };
  }

  /** A permit has come back here. */
  #freed(entry: Entry, ports: PermitPorts): void {
    entry.waiters.serve();
    // There is one, and an answer that is too old to go by.
    if (entry.waiters.size > 0 && entry.holding.hasSpare) this.#askForParked(entry, ports);
    this.#giveBackLater(entry, ports);
  }

  #askForParked(entry: Entry, ports: PermitPorts): void {
    for (const waiter of entry.waiters.all()) waiter.parked = false;
    this.#ask(entry, ports, true);
  }

  /** Renews the lease while a request is under way, and stops that where the lease ends all the same. */
  #watch(entry: Entry, ports: PermitPorts, lost: AbortController): () => void {
    let cancel = () => undefined as unknown;
    const look = () => {
      const left = entry.holding.leaseUntil - ports.now();
      if (left <= MARGIN_MS) {
        lost.abort();
        return;
      }
      if (left <= RENEW_MS) this.#ask(entry, ports, false);
      const wait = left > RENEW_MS ? left - RENEW_MS : Math.min(1_000, left - MARGIN_MS);
      cancel = ports.after(wait, look);
    };
    const left = entry.holding.leaseUntil - ports.now();
    cancel = ports.after(Math.max(0, left - RENEW_MS), look);
    return () => void cancel();
  }

  #tellSoon(entry: Entry, ports: PermitPorts): void {
    entry.untold += 1;
    if (entry.untold >= TOLD_AT_ONCE) this.#ask(entry, ports, true);
    const now = ports.now();
    if (now < entry.tellAt + TELL_MS && now >= entry.tellAt - TELL_MS) return;
    entry.tellAt = now + TELL_MS;
    ports.after(TELL_MS, () => {
      entry.tellAt = Number.NEGATIVE_INFINITY;
      if (!entry.holding.isEmpty) this.#ask(entry, ports, true);
    });
  }

  #giveBackLater(entry: Entry, ports: PermitPorts): void {
    const now = ports.now();
    if (now < entry.idleAt + IDLE_MS && now >= entry.idleAt - IDLE_MS) return;
    entry.idleAt = now + IDLE_MS;
    ports.after(IDLE_MS, () => {
      entry.idleAt = Number.NEGATIVE_INFINITY;
      if (!entry.holding.hasSpare) return;
      if (ports.now() - entry.takenAt < IDLE_MS) this.#giveBackLater(entry, ports);
      else this.#ask(entry, ports, false);
    });
  }
}

function refused(refusal: Refusal): Acquired {
  return { type: "held", refusal };
}

/** The service could not be asked. */
const UNREACHABLE = { reason: "unreachable", nextMs: UNREACHABLE_MS } as const;
/** It has given less than was asked for, and has not said why. */
const NOT_DUE = { reason: "rate", nextMs: 1_000 } as const;

function keyOf({ namespace, name }: ServiceName): string {
  return `${namespace}/${name}`;
}
