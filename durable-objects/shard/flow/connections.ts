import {
  CONNECTION_SHARES,
  type ConnectionShares,
  type LaneConnections,
  mostOf,
  shardConnections,
} from "../../../domain/connections.ts";
import type { Lane, QueueSettings } from "../../../domain/queue.ts";
import { peerOf } from "../../../domain/target.ts";
import type { Sql } from "../../sql.ts";
import { BEGUN } from "../jobs/job-row.ts";
import { PACKS, type Packs } from "../jobs/packs/packs.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** What one namespace and one target host may have of a lane's connections. The object gives what its deployment says. */
export const CONNECTION_SHARES_PART = new Part("connection shares", (): ConnectionShares => CONNECTION_SHARES);

/** The two names under which a running job counts that holds a connection: its namespace, and where that leads, in its lane. */
interface Place {
  namespace: string;
  /** Of an HTTP target its host. */
  host: string;
}

/**
 * Which running jobs hold an outgoing connection, and how many those of one namespace or host hold. A job counts where its
 * queue sent it when it started, whatever has become of the queue's settings since; after a restart, where they send it
 * now. In memory alone: it follows the rows of running jobs.
 */
class ConnectionsInUse {
  /** What a step's view lies over; null in the shard's own. */
  readonly #below: ConnectionsInUse | null;
  /** By job. Null, in a view: it has ended in this step. */
  readonly #places = new Map<string, Place | null>();
  /** By name of a place; in a view, what the step has changed. */
  readonly #inUse = new Map<string, number>();
  readonly #lanes = new Map<Lane, LaneConnections>();
  #listener: (place: string | null) => void = () => undefined;

  constructor(below: ConnectionsInUse | null = null) {
    this.#below = below;
  }

  /**
   * `listener` is told of each place whose count a step has changed, when it has committed, and of null when a lane has other
   * connections than before.
   */
  listen(listener: (place: string | null) => void): void {
    this.#listener = listener;
  }

  /** The connections that jobs of a namespace or host hold, by the name of the place. */
  of(name: string): number {
    return (this.#below?.of(name) ?? 0) + (this.#inUse.get(name) ?? 0);
  }

  /** What an executor last said of a lane; null before any has. */
  lane(lane: Lane): LaneConnections | null {
    return this.#lanes.get(lane) ?? this.#below?.lane(lane) ?? null;
  }

  /** An executor says what its lane has. */
  learn(lane: Lane, connections: LaneConnections): void {
    this.#lanes.set(lane, connections);
  }

  /** A job has started. Where it holds no connection nothing changes. */
  take(job: string, settings: QueueSettings): void {
    const place = placeOf(settings);
    if (place === null || this.#find(job) !== null) return;
    this.#places.set(job, place);
    this.#count(place, 1);
  }

  /** A job runs no more; one that held no connection changes nothing. */
  end(job: string): void {
    const place = this.#find(job);
    if (place === null) return;
    if (this.#below === null) this.#places.delete(job);
    else this.#places.set(job, null);
    this.#count(place, -1);
  }

  /** Takes over what a step has changed, when it has committed. */
  join(view: ConnectionsInUse): void {
    for (const [lane, connections] of view.#lanes) {
      const { size, consumers } = this.#lanes.get(lane) ?? {};
      this.#lanes.set(lane, connections);
      if (size !== connections.size || consumers !== connections.consumers) this.#listener(null);
    }
    for (const [job, place] of view.#places) {
      this.end(job);
      if (place === null) continue;
      this.#places.set(job, place);
      this.#count(place, 1);
    }
    for (const place of view.#inUse.keys()) this.#listener(place);
  }

  get size(): number {
    return this.#places.size;
  }

  /** The jobs that hold a connection. */
  jobs(): Iterable<string> {
    return this.#places.keys();
  }

  #find(job: string): Place | null {
    const own = this.#places.get(job);
    if (own !== undefined) return own;
    return this.#below === null ? null : this.#below.#find(job);
  }

  #count({ namespace, host }: Place, by: number): void {
    for (const name of [namespace, host]) {
      const inUse = (this.#inUse.get(name) ?? 0) + by;
      if (inUse === 0) this.#inUse.delete(name);
      else this.#inUse.set(name, inUse);
    }
  }
}

export const CONNECTIONS = new Part(
  "connections in use",
  (shard) => loaded(shard.sql, shard.get(PACKS), shard.get(QUEUES).all()),
  (base, step) => {
    const view = new ConnectionsInUse(base);
    const presence = step.get(ANY_CONNECTION);
    step.onCommit(() => {
      base.join(view);
      presence.any = base.size > 0;
    });
    return view;
  },
);

/**
 * Whether any job holds a connection. A step that ends a job asks this first, and mostly nothing else. It follows the memory
 * above and no rows, so that no row counts for it.
 */
export const ANY_CONNECTION = new Part("any connection", (shard) => {
  const presence = new Presence(shard.sql, "jobs", "false");
  presence.any = shard.get(CONNECTIONS).size > 0;
  return presence;
});

/** The running jobs that hold a connection and were not handed over to their target, as the rows have them when the object starts. */
function loaded(sql: Sql, packs: Packs, queues: readonly KnownQueue[]): ConnectionsInUse {
  const inUse = new ConnectionsInUse();
  const connected = new Map(
    queues.filter(({ settings }) => holdsConnections(settings)).map((q) => [q.ref, q.settings]),
  );
  if (connected.size === 0) return inUse;
  const rows = sql.all<{ id: string; queue: number }>(
    `SELECT id, queue FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL AND state = 'running' AND begun <> ?
       AND queue IN (SELECT value FROM json_each(?))`,
    BEGUN.handedOver,
    JSON.stringify([...connected.keys()]),
  );
  for (const { id, queue } of rows) {
    const settings = connected.get(queue);
    if (settings !== undefined) inUse.take(id, settings);
  }
  for (const [queue, settings] of connected) {
    for (const id of packs.runningOf(queue)) inUse.take(id, settings);
  }
  return inUse;
}

/** A part of a lane's connections, and what is in use of it. */
export interface ConnectionShare {
  name: string;
  whose: "host" | "namespace";
  inUse: number;
  /** Infinite where there is no limit. */
  most: number;
}

const NO_SHARES: readonly ConnectionShare[] = [];

/**
 * The parts of its lane's connections that the jobs of a queue count under, the narrower first. None for a queue whose jobs hold
 * none, nor before an executor has said what the lane has. Takes constant time.
 */
export function connectionShares(parts: Parts, { settings }: KnownQueue): readonly ConnectionShare[] {
  const place = placeOf(settings);
  if (place === null) return NO_SHARES;
  const connections = parts.get(CONNECTIONS);
  const lane = connections.lane(settings.lane);
  if (lane === null) return NO_SHARES;
  const own = shardConnections(settings.lane, lane, parts.get(OWNERSHIP).map?.shards.length ?? 1);
  const shares = parts.get(CONNECTION_SHARES_PART);
  return (["host", "namespace"] as const).map((whose) => {
    const name = place[whose];
    return { name, whose, inUse: connections.of(name), most: mostOf(shares[whose], own) };
  });
}

const NO_PLACES: readonly string[] = [];

/** The names under which jobs with these settings count; none where they hold no connection. */
export function connectionPlaces(settings: QueueSettings): readonly string[] {
  const place = placeOf(settings);
  return place === null ? NO_PLACES : [place.namespace, place.host];
}

/** How many more jobs may start under all of these parts; infinite without any. */
export function connectionRoom(shares: readonly ConnectionShare[]): number {
  return shares.reduce((room, { inUse, most }) => Math.min(room, most - inUse), Number.POSITIVE_INFINITY);
}

/** Settings never change in place: their place is worked out once. */
const PLACES = new WeakMap<QueueSettings, Place>();

function placeOf(settings: QueueSettings): Place | null {
  const { target, lane, namespace } = settings;
  const known = PLACES.get(settings);
  if (known !== undefined) return known;
  const peer = peerOf(target, namespace);
  if (peer === null) return null;
  const place = { namespace: `${lane} namespace ${namespace}`, host: `${lane} ${peer}` };
  PLACES.set(settings, place);
  return place;
}

/** Whether a running job with these settings holds an outgoing connection. */
export function holdsConnections(settings: QueueSettings): boolean {
  return placeOf(settings) !== null;
}
