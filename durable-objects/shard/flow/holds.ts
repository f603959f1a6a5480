import { type ServiceHold, type ServiceOffer, serviceObject } from "../../../contract/rpc/service.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";

/** An executor asks again after a minute at the latest, whatever a service says. */
const MAX_HOLD_MS = 60_000;
/** After a hold one executor asks: if nothing is heard of it for so long, another does. */
const PROBE_MS = 2_000;
/** So long after its end nothing is known any more: everything may go. */
const FORGET_MS = 60_000;
/** So many are remembered at once: beyond, those whose end is over are dropped. */
const MANY_HOLDS = 1_000;

/** What an executor was told by a service that gave it no permit. */
export interface Hold {
  refusal: ServiceHold["refusal"];
  /** When it was said, epoch milliseconds. */
  at: number;
  /** Until then no executor is told to ask the service, epoch milliseconds. */
  until: number;
}

/**
 * Services that take no jobs now, as far as executors have told: those that have no permits are not told to ask. A hint that a restart
 * loses: the next executor then asks. In memory alone; a step sees what it has changed.
 */
class Holds {
  readonly #below: Holds | null;
  /** By `serviceKey`. Null, in a view: it is gone. */
  readonly #holds = new Map<string, Hold | null>();
  #listener: (service: string) => void = () => undefined;

  constructor(below: Holds | null = null) {
    this.#below = below;
  }

  /** `listener` is told of each service of which something has changed, when the step has committed. */
  listen(listener: (service: string) => void): void {
    this.#listener = listener;
  }

  get size(): number {
    return this.#holds.size;
  }

  find(service: string, now: number): Hold | null {
    const own = this.#holds.get(service);
    const hold = own === undefined ? (this.#below?.find(service, now) ?? null) : own;
    // A clock that has stepped back would leave it in the future.
    return hold === null || hold.at > now || now >= hold.until + FORGET_MS ? null : hold;
  }

  note(service: string, hold: Hold): void {
    this.#holds.set(service, hold);
  }

  clear(service: string): void {
    if (this.#below === null) this.#holds.delete(service);
    else this.#holds.set(service, null);
  }

  /** Takes over what a step has changed, when it has committed. */
  join(view: Holds): void {
    let now = 0;
    for (const [service, hold] of view.#holds) {
      if (hold === null) this.clear(service);
      else this.note(service, hold);
      now = Math.max(now, hold?.at ?? 0);
      this.#listener(service);
    }
    if (this.size < MANY_HOLDS) return;
    for (const [service, hold] of this.#holds) if (hold === null || hold.until <= now) this.#holds.delete(service);
  }
}

export const HOLDS = new Part(
  "holds of services",
  () => new Holds(),
  (base, step) => {
    const view = new Holds(base);
    const presence = step.get(ANY_HOLD);
    step.onCommit(() => {
      base.join(view);
      presence.any = base.size > 0;
    });
    return view;
  },
);

/** Whether any service is held. It follows the memory above and no rows. */
export const ANY_HOLD = new Part("any hold of a service", ({ sql }) => new Presence(sql, "jobs", "false"));

/** The service that the jobs of a queue are sent to, by a name that no other namespace's has; null where they are sent to none. */
export function serviceKey({ target, namespace }: QueueSettings): string | null {
  return target.type === "service" ? serviceObject(namespace, target.service) : null;
}

/** The hold of what the jobs of a queue are sent to; null where none is known. */
export function holdOf(parts: Parts, settings: QueueSettings, now: number): Hold | null {
  if (!parts.get(ANY_HOLD).any) return null;
  const service = serviceKey(settings);
  return service === null ? null : parts.get(HOLDS).find(service, now);
}

/** How many jobs an executor is told of that it would have to ask their service for: none while it is held, and then one. */
export function holdRoom(hold: Hold | null, now: number): number {
  if (hold === null) return Number.POSITIVE_INFINITY;
  return now < hold.until ? 0 : 1;
}

/** An executor was given no permit of a service. */
export function noteHold(parts: Parts, namespace: string, { hold, now }: { hold: ServiceHold; now: number }): void {
  const { refusal, service } = hold;
  const until = now + Math.min(Math.max(1, refusal.nextMs), MAX_HOLD_MS);
  parts.get(ANY_HOLD).raise();
  parts.get(HOLDS).note(serviceObject(namespace, service), { refusal, at: now, until });
}

/** What a service has said to an executor since that was here last. */
export function hearService(parts: Parts, { namespace, service, refusal }: ServiceOffer, now: number): void {
  if (refusal === undefined) return;
  if (refusal !== null) noteHold(parts, namespace, { hold: { service, refusal }, now });
  else if (parts.get(ANY_HOLD).any) parts.get(HOLDS).clear(serviceObject(namespace, service));
}

/** An executor asks a service: where a hold of it is over, others wait for what comes of that, but not for ever. */
export function noteProbe(parts: Parts, service: string, now: number): void {
  if (!parts.get(ANY_HOLD).any) return;
  const hold = parts.get(HOLDS).find(service, now);
  if (hold !== null) parts.get(HOLDS).note(service, { ...hold, at: now, until: now + PROBE_MS });
}
