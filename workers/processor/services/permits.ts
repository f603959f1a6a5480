import type {
  ServiceHold,
  ServiceRefusal,
  ServiceWorkReply,
  ServiceWorkRequest,
} from "../../../contract/rpc/service.ts";
import type { RequestOutcome } from "../../../domain/service/report.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { Holding, type Taken } from "./holding.ts";

/** An answer that has not come by then does not come: the invocation that asked may be gone, and with it what waited for it. */
const CALL_MS = 5_000;
/** The first job of a while waits so long for others, so that they ask together. */
const GATHER_MS = 5;
/** Where the service cannot be asked, jobs come back after this. */
const UNREACHABLE_MS = 2_000;
/** A job waits so long in hand for a permit that another job of this isolate gives back. */
const PARKED_MS = 500;
/** What has failed is told so soon, with whatever fails meanwhile; and probes. */
const TELL_MS = 200;
/** So many failures are told at once: what fails at once would fail a hundred times until then. */
const TOLD_AT_ONCE = 5;
/** Permits that nobody here has needed for so long are given back. */
const IDLE_MS = 500;
/** A job that waits is held so long before its time is up. */
const EARLY_MS = 50;
/** A lease with less than this left is renewed while anything is under way. */
const RENEW_MS = 12_000;
/** So long before the lease ends, what is under way is stopped. */
const MARGIN_MS = 500;

/** A service, by its namespace and name. */
export interface ServiceName {
  namespace: string;
  name: string;
}

/** What the pool needs of the invocation that uses it. Each has its own: a call and a timer end with the invocation that made them. */
export interface PermitPorts {
  work(service: ServiceName, request: ServiceWorkRequest): Promise<ServiceWorkReply>;
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off. */
  after(ms: number, wake: () => void): () => void;
}

/** The right to make one request now, and where to. */
export interface Permit {
  url: string;
  settings: ServiceSettings;
  /** Aborts when the permit is lost: then the request must not go on. */
  signal: AbortSignal;
  /** The request is over, one way or the other. `outcome` null says nothing of its instance. Called once. */
  end(outcome: RequestOutcome | null): void;
}

/** Who wants a permit. */
export interface Wanted {
  /** What requests have in common that should go to one instance; null: nothing. */
  key: string | null;
  signal: AbortSignal;
  /** When it is too late, epoch milliseconds: it is held before that, so that a job which was not begun fails by no timeout. */
  deadlineAt: number;
}

export type Acquired =
  | { type: "permit"; permit: Permit }
  /** There is none now. */
  | { type: "held"; refusal: ServiceHold["refusal"] }
  /** There is no such service. */
  | { type: "unknown" };

interface Waiter {
  key: string | null;
  ports: PermitPorts;
  /** It waits for a permit that comes back here, and the service is not asked again for it. */
  parked: boolean;
  answer(acquired: Acquired): void;
  /** Answers as held, `ms` from now, unless it was answered before. */
  within(ms: number, refusal: ServiceHold["refusal"]): void;
}

/** One service as the isolate has it. */
class Entry {
  readonly service: ServiceName;
  readonly holding = new Holding();
  waiters: Waiter[] = [];
  /** The call under way: when it began, and what it told. */
  call: { at: number; request: ServiceWorkRequest | null } | null = null;
  refusal: { refusal: ServiceRefusal; until: number } | null = null;
  /** When something will be told, or given back; a time that is long over was an invocation's that has ended. */
  tellAt = Number.NEGATIVE_INFINITY;
  /** Failures since the last call. */
  untold = 0;
  idleAt = Number.NEGATIVE_INFINITY;
  takenAt = Number.NEGATIVE_INFINITY;

  constructor(service: ServiceName) {
    this.service = service;
  }
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

  /** The right to one request of a service, or why there is none now. Never rejects. */
  acquire(ports: PermitPorts, service: ServiceName, of: Wanted): Promise<Acquired> {
    const entry = this.#entry(service);
    const now = ports.now();
    const taken = entry.waiters.length === 0 ? entry.holding.take(of.key, { now, random: () => ports.random() }) : null;
    if (taken !== null) return Promise.resolve({ type: "permit", permit: this.#permit(entry, ports, taken) });
    const told = entry.refusal !== null && now < entry.refusal.until ? entry.refusal : null;
    const parked = told !== null && mayPark(entry, told.refusal);
    if (told !== null && !parked) return Promise.resolve(refused({ ...told.refusal, nextMs: told.until - now }));
    return new Promise((answer) => {
      const waiter = waiterOf(entry, { ports, parked, ...of }, answer);
      if (told === null) {
        waiter.within(2 * CALL_MS, UNREACHABLE);
        this.#ask(entry, ports, true);
      } else waiter.within(PARKED_MS, told.refusal);
    });
  }

  /** Gives back what nothing in the isolate uses, and tells what there is to tell. Never rejects. */
  async giveBack(ports: PermitPorts): Promise<void> {
    const idle = [...this.#entries.values()].filter(
      ({ holding, waiters, call }) => holding.used === 0 && waiters.length === 0 && call === null,
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
    if (holding.isEmpty && waiters.length === 0 && call === null) this.#entries.delete(keyOf(service));
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
    const asking = entry.waiters.filter(({ parked }) => !parked);
    const sentAt = ports.now();
    this.#name ??= this.#makeName();
    const request = entry.holding.request(this.#name, { waiting: asking.length, keeps, now: sentAt });
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
    if (entry.waiters.some(({ parked }) => !parked)) this.#ask(entry, ports, true);
  }

  /** The jobs of a claim are started one after the other; those of a first claim come with those of other shards. */
  #gathered({ holding, waiters }: Entry, ports: PermitPorts): Promise<void> {
    if (holding.used > 0 || holding.hasSpare || waiters.length === 0) return Promise.resolve();
    return new Promise((resolve) => ports.after(GATHER_MS, resolve));
  }

  #unanswered(entry: Entry, request: ServiceWorkRequest): void {
    entry.holding.unheard(request);
    for (const waiter of [...entry.waiters]) waiter.answer(refused(UNREACHABLE));
  }

  #unknown(entry: Entry): void {
    entry.holding.forget();
    for (const waiter of [...entry.waiters]) waiter.answer({ type: "unknown" });
  }

  #answered(
    entry: Entry,
    { asking, refusal, now }: { asking: ReadonlySet<Waiter>; refusal: ServiceRefusal | null; now: number },
  ): void {
    entry.refusal = refusal === null ? null : { refusal, until: now + refusal.nextMs };
    this.#serve(entry);
    const why = refusal ?? NOT_DUE;
    for (const waiter of entry.waiters.filter((one) => asking.has(one))) {
      if (mayPark(entry, why)) {
        waiter.parked = true;
        waiter.within(PARKED_MS, why);
      } else waiter.answer(refused(why));
    }
  }

  /** Gives permits to those that wait, in the order in which they came. */
  #serve(entry: Entry): void {
    for (let first = entry.waiters[0]; first !== undefined; first = entry.waiters[0]) {
      const { ports, key, answer } = first;
      const taken = entry.holding.take(key, { now: ports.now(), random: () => ports.random() });
      if (taken === null) return;
      answer({ type: "permit", permit: this.#permit(entry, ports, taken) });
    }
  }

  #permit(entry: Entry, ports: PermitPorts, taken: Taken): Permit {
    const lost = new AbortController();
    const unwatch = this.#watch(entry, ports, lost);
    entry.takenAt = ports.now();
    const { url, settings } = taken;
    const end = (outcome: RequestOutcome | null) => {
      unwatch();
      entry.holding.end(taken, outcome, ports.now());
      this.#serve(entry);
      // A permit that came back, and an answer that is too old to go by.
      if (entry.waiters.length > 0 && entry.holding.hasSpare) this.#askForParked(entry, ports);
      if (outcome?.ok === false || taken.round !== null) this.#tellSoon(entry, ports);
      this.#giveBackLater(entry, ports);
    };
    return { url, settings, signal: lost.signal, end };
  }

  #askForParked(entry: Entry, ports: PermitPorts): void {
    for (const waiter of entry.waiters) waiter.parked = false;
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

function waiterOf(
  entry: Entry,
  { ports, key, signal, deadlineAt, parked }: Wanted & { ports: PermitPorts; parked: boolean },
  answer: (acquired: Acquired) => void,
): Waiter {
  let cancel: () => void = () => undefined;
  const leave = (acquired: Acquired) => {
    cancel();
    entry.waiters = entry.waiters.filter((one) => one !== waiter);
    answer(acquired);
  };
  const waiter: Waiter = {
    key,
    ports,
    parked,
    answer: leave,
    within: (ms, refusal) => {
      cancel();
      const left = Math.max(0, deadlineAt - EARLY_MS - ports.now());
      cancel = ports.after(Math.min(ms, left), () => leave(refused(refusal)));
    },
  };
  signal.addEventListener("abort", () => leave(refused(UNREACHABLE)), { once: true });
  entry.waiters.push(waiter);
  return waiter;
}

/** Whether it is worth waiting in hand: what is under way here gives its permit to those that wait here. */
function mayPark({ holding }: Entry, { reason }: ServiceHold["refusal"]): boolean {
  return reason === "bulkhead" && holding.used > 0;
}

function refused(refusal: ServiceHold["refusal"]): Acquired {
  return { type: "held", refusal };
}

/** The service could not be asked. */
const UNREACHABLE = { reason: "unreachable", nextMs: UNREACHABLE_MS } as const;
/** It has given less than was asked for, and has not said why. */
const NOT_DUE = { reason: "rate", nextMs: 1_000 } as const;

function keyOf({ namespace, name }: ServiceName): string {
  return `${namespace}/${name}`;
}
