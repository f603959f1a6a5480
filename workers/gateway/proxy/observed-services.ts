import { isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { ServiceApi, ServiceObserveReply, ServiceSnapshot } from "../../../contract/rpc/service.ts";
import { RPC_VERSION } from "../../../contract/rpc.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import { KnownService } from "./known-service.ts";
import { Room } from "./room.ts";

/** From this age on the object is asked anew beside the requests, and beyond the other before a request goes on, in milliseconds. */
const REFRESHED_MS = 1_000;
const MAX_AGE_MS = 2_000;
/** How long a request waits for the object: one that knows what was a moment ago, and one that knows nothing. */
const PATIENCE_MS = 500;
const FIRST_PATIENCE_MS = 2_000;
/** Who asks for so long has gone: the runtime may end a request with its client, without a word. */
const GONE_MS = 3_000;
const LOOK_AGAIN_MS = 20;
/** Services that an isolate knows at a time. */
const MAX_SERVICES = 1_000;

export interface ObservedPorts {
  /** The settings as D1 has them; null where there is no such service. */
  find(namespace: string, name: string): Promise<Result<ServiceSettings | null>>;
  object(namespace: string, name: string): Pick<ServiceApi, "observe" | "configure">;
  /** Names this isolate. */
  holder: string;
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Goes on with work after the answer of the request that it belongs to. */
export type Later = (work: Promise<unknown>) => void;

/** A service, and who waits for room at it. */
export interface Observed {
  readonly namespace: string;
  readonly name: string;
  readonly service: KnownService;
  readonly room: Room;
}

interface Entry extends Observed {
  /** Since when somebody asks the object. */
  askingSince: number | null;
  /** Since when somebody is to ask it in a moment. */
  plannedSince: number | null;
}

/**
 * The services that this isolate sends requests to. What it knows of one is at most two seconds old, as long as the object answers, and is
 * asked for beside the requests: of a service that is in use none waits for it. Without the object it goes on by what it knows.
 */
export class ObservedServices {
  readonly #entries = new Map<string, Entry>();
  readonly #ports: ObservedPorts;
  /** Of services that are not known yet: since when somebody asks. */
  readonly #beginning = new Map<string, number>();

  constructor(ports: ObservedPorts) {
    this.#ports = ports;
  }

  /** The service; a problem where there is none, or where nobody can tell. */
  async get(namespace: string, name: string, later: Later): Promise<Result<Observed>> {
    const key = `${namespace}/${name}`;
    const entry = this.#entries.get(key);
    if (entry === undefined) return this.#begin(namespace, name);
    // The last in the order is the one that was used last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const now = this.#ports.now();
    const age = entry.service.ageMs(now);
    if (age < REFRESHED_MS) return entry;
    if (age < MAX_AGE_MS) {
      if (!this.#isAsking(entry, now)) later(this.#refresh(entry));
      return entry;
    }
    await within(PATIENCE_MS, this.#renewed(entry));
    return this.#entries.get(key) ?? this.#begin(namespace, name);
  }

  /** Asks the object now, because a request needs what it may give. */
  async ask(observed: Observed): Promise<void> {
    const entry = this.#entries.get(`${observed.namespace}/${observed.name}`);
    if (entry !== undefined) await within(PATIENCE_MS, this.#renewed(entry));
  }

  /** Whether it is known as it was; else it is gone, or there is another under its name. */
  isKnown(observed: Observed): boolean {
    return this.#entries.get(`${observed.namespace}/${observed.name}`) === observed;
  }

  /** A request waits for what the object may say: it is asked beside it, where what is known is old. */
  renew(observed: Observed, later: Later): void {
    const entry = this.#entries.get(`${observed.namespace}/${observed.name}`);
    const now = this.#ports.now();
    if (entry === observed && entry.service.ageMs(now) >= REFRESHED_MS && !this.#isAsking(entry, now))
      later(this.#refresh(entry));
  }

  /** A request has ended: the object is told soon, also where no other request comes. */
  ended(observed: Observed, later: Later): void {
    const entry = this.#entries.get(`${observed.namespace}/${observed.name}`);
    const now = this.#ports.now();
    if (entry === undefined || isCurrent(entry.plannedSince, now)) return;
    entry.plannedSince = now;
    const tell = async () => {
      await this.#ports.sleep(REFRESHED_MS);
      entry.plannedSince = null;
      const at = this.#ports.now();
      if (entry.service.ageMs(at) >= REFRESHED_MS / 2 && !this.#isAsking(entry, at)) await this.#refresh(entry);
    };
    later(tell());
  }

  #isAsking({ askingSince }: Entry, now: number): boolean {
    return isCurrent(askingSince, now);
  }

  /** Asks the object, or waits for another request that does: what belongs to one cannot be awaited by another. */
  async #renewed(entry: Entry): Promise<void> {
    const began = this.#ports.now();
    for (;;) {
      const now = this.#ports.now();
      if (entry.service.ageMs(now) < REFRESHED_MS && now - began > 0) return;
      if (!this.#isAsking(entry, now)) return this.#refresh(entry);
      await this.#ports.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Tells the object what became of requests, and takes what it answers. Never rejects. */
  async #refresh(entry: Entry): Promise<void> {
    const { namespace, name, service } = entry;
    const askedAt = this.#ports.now();
    entry.askingSince = askedAt;
    const report = service.report();
    const { requests, inFlight } = service.underWay(askedAt);
    // One at least: who has none under way has need of room for the next.
    const wants = Math.max(1, requests + entry.room.waiting(askedAt));
    try {
      const { holder } = this.#ports;
      const reply = await this.#ports
        .object(namespace, name)
        .observe({ v: RPC_VERSION, holder, wants, inFlight, ...report });
      if (reply.type === "snapshot") service.learn(reply, askedAt);
      // It is deleted, or the object has lost what it knew: whoever comes next looks.
      else this.#entries.delete(`${namespace}/${name}`);
    } catch (error) {
      service.putBack(report);
      log("warn", "service-away", { reason: reasonOf(error) });
    } finally {
      if (entry.askingSince === askedAt) entry.askingSince = null;
    }
  }

  async #begin(namespace: string, name: string): Promise<Result<Observed>> {
    const key = `${namespace}/${name}`;
    const began = this.#ports.now();
    while (isCurrent(this.#beginning.get(key) ?? null, this.#ports.now())) {
      await this.#ports.sleep(LOOK_AGAIN_MS);
      const entry = this.#entries.get(key);
      if (entry !== undefined) return entry;
      if (this.#ports.now() - began >= FIRST_PATIENCE_MS) break;
    }
    this.#beginning.set(key, this.#ports.now());
    try {
      const settings = await this.#ports.find(namespace, name);
      if (isProblem(settings)) return settings;
      if (settings === null || settings.deleted) return notFound.service(name);
      const askedAt = this.#ports.now();
      const learned = (await this.#first(settings)) ?? { type: "snapshot" as const, snapshot: unheard(settings) };
      return this.#keep(key, new KnownService(learned, askedAt));
    } finally {
      this.#beginning.delete(key);
    }
  }

  /** What the object says to an isolate that has sent nothing yet; null where it does not answer. */
  async #first(settings: ServiceSettings): Promise<Extract<ServiceObserveReply, { type: "snapshot" }> | null> {
    const { namespace, name } = settings;
    const { holder } = this.#ports;
    const ask = () =>
      this.#ports.object(namespace, name).observe({ v: RPC_VERSION, holder, wants: 1, wantsProbes: 1, reports: [] });
    const told = async () => {
      const reply = await ask();
      if (reply.type === "snapshot") return reply;
      await this.#ports.object(namespace, name).configure({ v: RPC_VERSION, settings });
      return ask();
    };
    try {
      const reply = await within(FIRST_PATIENCE_MS, told());
      return reply === LATE || reply.type === "unknown" ? null : reply;
    } catch (error) {
      log("warn", "service-away", { reason: reasonOf(error) });
      return null;
    }
  }

  #keep(key: string, service: KnownService): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_SERVICES) this.#forgetOne();
    const { namespace, name } = service.settings;
    const entry: Entry = {
      namespace,
      name,
      service,
      room: new Room(this.#ports),
      askingSince: null,
      plannedSince: null,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /**
   * The service that was used longest ago is known no longer. With one that has requests under way their count would go, and with it the
   * limit that the next ones keep: such a one goes only where each is so.
   */
  #forgetOne(): void {
    const now = this.#ports.now();
    let oldest: string | null = null;
    for (const [key, entry] of this.#entries) {
      oldest ??= key;
      if (isInUse(entry, now)) continue;
      this.#entries.delete(key);
      return;
    }
    if (oldest !== null) this.#entries.delete(oldest);
  }
}

function isInUse({ service, room }: Entry, now: number): boolean {
  const { requests, inFlight } = service.underWay(now);
  return requests > 0 || Object.keys(inFlight).length > 0 || room.waiting(now) > 0;
}

/** Whether somebody who began then is there still. */
function isCurrent(since: number | null, now: number): boolean {
  return since !== null && Math.abs(now - since) < GONE_MS;
}

/** A service whose object does not answer: all of its instances are taken to be well. */
function unheard(settings: ServiceSettings): ServiceSnapshot {
  return {
    settings,
    breaker: { state: "closed", nextProbeMs: null },
    instances: settings.instances.map(({ url }) => ({
      url,
      state: "healthy",
      sinceMs: Number.MAX_SAFE_INTEGER,
      ewmaMs: null,
      inFlight: 0,
    })),
  };
}
