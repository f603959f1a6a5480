import { type NewJob, type ReceiveRequest, RPC_VERSION } from "../../../contract/rpc.ts";
import type { SpawnLetter } from "../../../contract/spawn-letter.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import type { QueueStore } from "../queues/queue-store.ts";
import type { Parcel, SpawnStore } from "./spawn-store.ts";

/** A call that has not been answered for so long is taken to be lost, and made again. */
export const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 60_000;
/** One call: 4 million characters are 8 MB at most, a quarter of what an RPC may carry. */
const MAX_JOBS = 100;
const MAX_CHARACTERS = 4_000_000;
/** A batch of messages may have 256 KB, and a letter a third of it. */
const MAX_LETTERS = 3;

/** Where letters go; no shard is called so. */
const DEAD_LETTERS = "dead letters";

/** One call that is to be made. */
export type Delivery =
  | { type: "jobs"; to: string; request: ReceiveRequest }
  | { type: "letters"; to: string; letters: SpawnLetter[] };

/**
 * Decides which jobs and letters go out when: one call a receiver at a time, and after a failure later and later. What is
 * to go is in the rows; how it went so far is in memory alone, so that a new instance simply tries at once.
 */
export class Courier {
  readonly #name: string;
  readonly #spawns: SpawnStore;
  readonly #queues: QueueStore;
  readonly #map: () => SlotMap | null;
  /** Receivers that are not to be called before `at`: a call is under way, or the last one failed. */
  readonly #waits = new Map<string, { tries: number; at: number }>();
  /** The slot that went last, so that the next call begins behind it. */
  readonly #last = new Map<string, number>();

  constructor(
    name: string,
    { spawns, queues, map }: { spawns: SpawnStore; queues: QueueStore; map: () => SlotMap | null },
  ) {
    this.#name = name;
    this.#spawns = spawns;
    this.#queues = queues;
    this.#map = map;
  }

  /** The calls that are to be made now. From here on they count as under way. */
  take(now: number): Delivery[] {
    if (this.#spawns.slots.length === 0 && !this.#spawns.hasLetters) return [];
    const map = this.#map();
    const due = [...this.#receivers()].filter(([to]) => this.#mayGoAt(to, now) <= now);
    return due.flatMap(([to, slots]): Delivery[] => {
      const { tries } = this.#waits.get(to) ?? { tries: 0 };
      this.#waits.set(to, { tries: tries + 1, at: now + Math.max(PATIENCE_MS, pauseMs(tries)) });
      if (to === DEAD_LETTERS) return [{ type: "letters", to, letters: this.#spawns.letters(MAX_LETTERS) }];
      const request = this.#request(this.#parcels(to, slots), map?.epoch ?? 0);
      return request.jobs.length === 0 ? [] : [{ type: "jobs", to, request }];
    });
  }

  /** The call was answered: the next may be made at once. */
  answered(to: string): void {
    this.#waits.delete(to);
  }

  /** The call failed, or brought nothing. Answers when the next is to be made. */
  failed(to: string, now: number): number {
    const tries = this.#waits.get(to)?.tries ?? 1;
    const at = now + pauseMs(tries - 1);
    this.#waits.set(to, { tries, at });
    return at;
  }

  /** When there is something to do; null: nothing is on its way. */
  nextAt(now: number): number | null {
    const times = [...this.#receivers().keys()].map((to) => this.#mayGoAt(to, now));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Of a clock that has stepped back the wait is not believed. */
  #mayGoAt(to: string, now: number): number {
    return Math.min(this.#waits.get(to)?.at ?? now, now + MAX_PAUSE_MS);
  }

  /** Who is to be called, with the slots that have something for them. */
  #receivers(): Map<string, number[]> {
    const map = this.#map();
    const receivers = new Map<string, number[]>();
    if (this.#spawns.hasLetters) receivers.set(DEAD_LETTERS, []);
    if (map === null) return receivers;
    for (const slot of this.#spawns.slots) {
      const owner = ownerOf(map, slot);
      const slots = receivers.get(owner) ?? [];
      receivers.set(owner, slots);
      slots.push(slot);
    }
    return receivers;
  }

  /** From the slot behind the last one on: none waits for ever because another is never empty. */
  #parcels(to: string, slots: number[]): Parcel[] {
    const last = this.#last.get(to) ?? -1;
    const inTurn = [...slots.filter((slot) => slot > last), ...slots.filter((slot) => slot <= last)];
    const parcels: Parcel[] = [];
    let characters = 0;
    for (const slot of inTurn) {
      for (const parcel of this.#spawns.first(slot, MAX_JOBS - parcels.length)) {
        characters += parcel.job.length;
        if (parcels.length > 0 && characters > MAX_CHARACTERS) return parcels;
        parcels.push(parcel);
        this.#last.set(to, slot);
      }
      if (parcels.length >= MAX_JOBS) return parcels;
    }
    return parcels;
  }

  #request(parcels: Parcel[], epoch: number): ReceiveRequest {
    const refs = [...new Set(parcels.map(({ queue }) => queue))];
    return {
      v: RPC_VERSION,
      epoch,
      source: this.#name,
      queues: refs.map((ref) => this.#queues.get(ref).settings),
      jobs: parcels.map(({ slot, seq, queue, job }) => {
        return { slot, seq, job: { ...(JSON.parse(job) as NewJob), queue: refs.indexOf(queue) } };
      }),
    };
  }
}

function pauseMs(tries: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** tries, MAX_PAUSE_MS);
}
