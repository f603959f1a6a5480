import type { AuditViolation } from "../../../contract/rpc.ts";
import { JOBS } from "../jobs/job-store.ts";
import { type AuditPage, type AuditView, type AuditWalk, comesTooLate } from "../kernel/audit-rules.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { rateHoldsUntil } from "./limits.ts";

/** Queues looked at at once: each may have 64 partitions. */
const QUEUES_AT_ONCE = 50;

/** The limits of queues: they leave room for every partition, and an alarm comes when a rate opens. */
class LimitsWalk implements AuditWalk {
  #after = -1;

  next(view: AuditView, limit: number): AuditPage {
    const queues = view.get(QUEUES);
    const asked = Math.min(limit, QUEUES_AT_ONCE);
    const refs = queues.refsAfter(this.#after, asked);
    this.#after = refs.at(-1) ?? this.#after;
    const violations = refs.flatMap((ref) => {
      const queue = queues.get(ref);
      return [...limitsLeaveRoom(view, queue), ...rateHasAlarm(view, queue)];
    });
    return { rows: refs.length, done: refs.length < asked, violations };
  }

  end(): void {
    // It follows nothing.
  }
}

export const LIMITS_AUDIT = { name: "limits of queues", begin: () => new LimitsWalk() };

/** A limit of which a partition has no share would keep its jobs waiting for ever. */
function limitsLeaveRoom(view: AuditView, { ref, settings }: KnownQueue): AuditViolation[] {
  const { name, concurrency, rate, partitions } = settings;
  const limits = [
    { what: "concurrency", limit: concurrency },
    { what: "rate", limit: rate?.limit ?? null },
  ].filter(({ limit }) => limit !== null);
  if (limits.length === 0) return [];
  return view
    .get(JOBS)
    .readyPartitions(ref)
    .flatMap((partition) =>
      limits
        .filter(({ limit }) => partition >= partitions || (limit ?? 0) < partitions)
        .map(({ what, limit }) => ({
          rule: "limit-leaves-room",
          detail: `queue ${name}: partition ${partition} of ${partitions} has no share of ${what} ${limit}`,
        })),
    );
}

/** Jobs that wait for a rate, for a time: an alarm has to come soon after it. */
function rateHasAlarm(view: AuditView, queue: KnownQueue): AuditViolation[] {
  const { alarmAt, now } = view;
  const at = rateHoldsUntil(view, queue, now);
  if (at === null || !Number.isFinite(at) || !comesTooLate(view, at)) return [];
  const { name } = queue.settings;
  return [
    { rule: "wait-has-alarm", detail: `queue ${name} waits for its rate until ${at}, alarm at ${alarmAt}, now ${now}` },
  ];
}
