import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import {
  asksFor,
  type ChangedJob,
  type EventType,
  eventOf,
  type MissedInstants,
  type ScheduleEventType,
} from "../../../domain/subscription.ts";
import { countedChunks } from "../../chunks.ts";
import type { JobChange } from "../jobs/job-change.ts";
import { isKept } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { PACKS } from "../jobs/packs/packs.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { dropExcess } from "./drop.ts";
import type { Feed } from "./feed.ts";
import { ANY_SUBSCRIPTION, FEEDS } from "./feed-store.ts";
import {
  changedJob,
  type EventHead,
  missedToStored,
  type StoredEvent,
  slotOfStored,
  toStored,
} from "./stored-event.ts";

/** Jobs have changed: the events of those subscriptions that ask for it are written when the step ends. */
export function collectEvents(step: Step, change: JobChange): void {
  const type = eventTypeOf(change);
  if (type !== null) collected(step).collect(step, type, change);
}

/** Instants of a schedule were missed, whose jobs would have had these tags. */
export function collectMissed(
  step: Step,
  missed: MissedInstants & { namespace: string; tags: readonly string[] },
): void {
  if (step.get(ANY_SUBSCRIPTION).any) collected(step).collectMissed(step, missed);
}

function collected(step: Step): CollectedEvents {
  return step.scratch(COLLECTED, () => new CollectedEvents());
}

/** What the change is called to subscribers; null when nobody is told of it. */
function eventTypeOf(change: JobChange): EventType | null {
  switch (change.event) {
    case "accept":
      return "job.accepted";
    case "claim":
      return "job.started";
    case "succeed":
      return "job.succeeded";
    case "blocks":
      return null;
    default:
      return eventOf(change.from.state, change.to.state);
  }
}

const COLLECTED = {};

/**
 * The changes of one step that subscriptions ask for. They are written with the step: so a change is told of when it is
 * committed, and only then.
 */
class CollectedEvents {
  readonly #byFeed = new Map<number, { feed: Feed; events: StoredEvent[] }>();
  /** Who asks, by type and queue: a step mostly changes many jobs of one queue in the same way. */
  readonly #asking = new Map<string, readonly Feed[]>();

  /** Takes the jobs as they are now. They are read only where somebody asks for the change. */
  collect(step: Step, type: EventType, change: JobChange): void {
    const asking = this.#askingFor(step, type, change.queue);
    if (asking.length === 0) return;
    const jobs = changedJobs(step, type, change);
    for (const feed of asking) {
      const events = jobs.filter(({ tags }) => asksForTags(feed, tags)).map((job) => toStored(type, job));
      if (events.length > 0) this.#add(step, feed, events);
    }
  }

  /** Once for each run, however many instants it has. */
  collectMissed(step: Step, missed: MissedInstants & { namespace: string; tags: readonly string[] }): void {
    const asking = feedsAsking(step, "schedule.missed", { namespace: missed.namespace, name: missed.queue });
    for (const feed of asking) if (asksForTags(feed, missed.tags)) this.#add(step, feed, [missedToStored(missed)]);
  }

  #add(step: Step, feed: Feed, events: readonly StoredEvent[]): void {
    if (this.#byFeed.size === 0) step.beforeCommit(() => this.#write(step));
    const collected = this.#byFeed.get(feed.ref);
    if (collected === undefined) this.#byFeed.set(feed.ref, { feed, events: [...events] });
    else collected.events.push(...events);
  }

  /** One row for each subscription and slot, unless it is very long. A job's events keep their order. */
  #write(step: Step): void {
    const feeds = step.get(FEEDS);
    const sequence = step.get(SEQUENCE);
    const { now } = step;
    for (const { feed, events: collected } of this.#byFeed.values()) {
      for (const [slot, ofSlot] of Map.groupBy(collected, slotOfStored)) {
        for (const { text: events, rows: n } of countedChunks(ofSlot)) {
          feeds.append(feed, { seq: sequence.next(now), slot, at: now, n, bytes: events.length, events });
        }
      }
    }
    step.wakeAt(now + KEEP_EVENTS_MS);
    dropExcess(step, [...this.#byFeed.keys()]);
    this.#byFeed.clear();
  }

  #askingFor(step: Step, type: EventType, queue: number): readonly Feed[] {
    const key = `${type} ${queue}`;
    const known = this.#asking.get(key);
    if (known !== undefined) return known;
    const asking = feedsAsking(step, type, step.get(QUEUES).get(queue).settings);
    this.#asking.set(key, asking);
    return asking;
  }
}

/** Those that ask for events of this type of a queue. */
function feedsAsking(
  step: Step,
  type: EventType | ScheduleEventType,
  { namespace, name }: { namespace: string; name: string },
): readonly Feed[] {
  return step
    .get(FEEDS)
    .of(namespace)
    .filter(({ settings }) => !settings.deleted)
    .filter(({ settings }) => asksFor(settings, type, name));
}

function asksForTags({ settings }: Feed, tags: readonly string[]): boolean {
  const { tag } = settings.filter;
  return tag === null || tags.includes(tag);
}

/** The jobs as the change has left them. What a statement has changed together is read from the rows. */
function changedJobs(step: Step, type: EventType, change: JobChange): ChangedJob[] {
  const { name } = step.get(QUEUES).get(change.queue).settings;
  const rows = "to" in change ? [change.to] : eventRows(step, change.jobs);
  return rows.map((row) => changedJob(type, row, name));
}

/** What there is to tell of jobs, in their order, wherever they lie. */
function eventRows(step: Step, jobs: readonly { id: string }[]): EventHead[] {
  if (!step.get(PACKS).any) return step.get(FEEDS).eventRows(jobs);
  const heads = step.get(JOBS).heads(jobs.map(({ id }) => id));
  const byId = new Map(heads.filter(isKept).map((head) => [head.id, head]));
  return jobs.flatMap(({ id }) => byId.get(id) ?? []);
}
