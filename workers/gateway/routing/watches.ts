import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Watched } from "../../../contract/rpc.ts";
import type { ShardClient } from "./shard-client.ts";
import type { WatchedBy } from "./waiting-claims.ts";
import type { Heard, Watch } from "./watch.ts";

/**
 * A shard that holds no watch is asked by a call that it holds, no longer than this at a time: an object that is held is paid for by
 * the second.
 */
const HOLD_MS = 15_000;
/** A shard that has died, or that cannot be asked, is tried again this much later. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 1_000;
/**
 * Who watches says so this often, and counts so long after it: the runtime may end a request without a word, and nobody else would watch
 * in its place.
 */
const COUNTED_AGAIN_MS = 3_000;
const COUNTED_MS = 5_000;
/** One whose watches of this namespace are all taken, so much later: until then others wait there in place of this one. */
const DISPLACED_PAUSE_MS = 5_000;

export interface WatchesOptions {
  /** The shards to watch. */
  shards: readonly string[];
  watched: Watched;
  /** Until when, epoch milliseconds. */
  until: number;
  clock: () => number;
  /** Others of this isolate that wait for the same: a shard that enough of them watch is left to them. Left out: all shards are watched. */
  others?: WatchedBy;
  /** Nothing is watched: every shard is asked. */
  holds?: boolean;
  /** Asks a shard that holds no watch; it may hold the call for `waitMs` milliseconds. True: it is worth looking. */
  ask(shard: string, waitMs: number): Promise<Result<boolean>>;
}

/**
 * The watches of one request that waits: one at each shard where what it waits for may come, but for those that are left to others. One that is lost is opened anew, and as
 * long as there is none the shard is asked. They cannot outlive the request, and nobody else can use them: in a Worker the I/O of one
 * request is not another's.
 */
export class Watches {
  readonly #client: ShardClient;
  readonly #options: WatchesOptions;
  /** Shards that are not left to others, each with what says that it is watched no longer. */
  readonly #watched = new Map<string, () => void>();
  /** By shard: the watch that is open there. */
  readonly #open = new Map<string, Watch>();
  /** Shards where it is worth looking, in the order in which they said so. */
  readonly #worthLooking = new Set<string>();
  /** By shard: goes on when it has been looked at, or its watch is over. */
  readonly #goOn = new Map<string, (how: Heard) => void>();
  #wake: () => void = () => undefined;
  /** Says that this request no longer looks whether it is to watch in place of another. */
  #standDown: () => void = () => undefined;
  #timeIsOver = false;
  #closed = false;
  /** A shard was asked and answered. */
  #reached = false;

  constructor(client: ShardClient, options: WatchesOptions) {
    this.#client = client;
    this.#options = options;
    void client.pause(options.until - options.clock()).then(() => {
      this.#timeIsOver = true;
      this.#wake();
    });
    this.#chooseShards();
    if (options.others !== undefined && this.#watched.size < options.shards.length) void this.#standBy(options.others);
  }

  /** Whether any shard could be reached so far; null when all of them were left to others. */
  get reached(): boolean | null {
    return this.#watched.size === 0 ? null : this.#reached;
  }

  /** The next shard at which it is worth looking; null when there was none until the wait was over. */
  async next(): Promise<string | null> {
    while (!this.#isOver) {
      const [shard] = this.#worthLooking;
      if (shard !== undefined) {
        this.#worthLooking.delete(shard);
        return shard;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return null;
  }

  /** Nothing was there for this request: it waits on at the shard. */
  waitOn(shard: string): void {
    const watch = this.#open.get(shard);
    if (watch === undefined) this.#goOn.get(shard)?.("look");
    else watch.waitOn();
  }

  /** Ends all of them. Whoever stands by finds the places free. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watch of this.#open.values()) watch.close();
    this.#open.clear();
    for (const goOn of this.#goOn.values()) goOn("lost");
    for (const leave of this.#watched.values()) leave();
    this.#standDown();
    this.#wake();
  }

  get #isOver(): boolean {
    return this.#closed || this.#timeIsOver || this.#options.clock() >= this.#options.until;
  }

  /** Watches each shard which too few do. */
  #chooseShards(): void {
    const { shards, others, clock } = this.#options;
    const left = shards.filter((shard) => !this.#watched.has(shard));
    const isFirst = this.#watched.size === 0;
    for (const shard of others?.few(left, clock()) ?? left) {
      this.#count(shard);
      void this.#keep(shard);
    }
    if (others !== undefined && isFirst && this.#watched.size > 0) void this.#stayCounted();
  }

  /** Counts as one that watches the shard. */
  #count(shard: string): void {
    const { others, until, clock } = this.#options;
    this.#watched.get(shard)?.();
    this.#watched.set(shard, others?.enter(shard, Math.min(until, clock() + COUNTED_MS)) ?? (() => undefined));
  }

  async #stayCounted(): Promise<void> {
    for (;;) {
      await this.#client.pause(COUNTED_AGAIN_MS);
      if (this.#isOver) return;
      for (const shard of this.#watched.keys()) this.#count(shard);
    }
  }

  /**
   * Takes over from those to whom shards were left, once they have found work and gone: looks now and then whether there is a place. That
   * nobody tells of it is on purpose: in a Worker what goes on in another request than its own is lost where that one has ended.
   */
  async #standBy(others: WatchedBy): Promise<void> {
    this.#standDown = others.standBy(this.#options.until);
    while (this.#watched.size < this.#options.shards.length) {
      await this.#pause(others.lookAfterMs(this.#options.clock()));
      if (this.#isOver) return;
      this.#chooseShards();
    }
    this.#standDown();
  }

  /** Keeps one shard watched until the wait is over. Never rejects. */
  async #keep(shard: string): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#isOver; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      const ending = await this.#watch(shard);
      this.#open.get(shard)?.close();
      this.#open.delete(shard);
      if (this.#isOver) return;
      if (ending === "refused") await this.#ask(shard);
      await this.#pause(ending === "displaced" ? DISPLACED_PAUSE_MS : pause);
    }
  }

  /** Watches a shard until the watch is over, or has been looked at where it held none. */
  async #watch(shard: string): Promise<Heard | "refused"> {
    const { watched, until, clock, holds } = this.#options;
    if (holds) return "refused";
    const over = new Promise<Heard>((resolve) => this.#goOn.set(shard, resolve));
    const hear = (heard: Heard) => {
      if (heard === "look") this.#note(shard);
      else this.#goOn.get(shard)?.(heard);
    };
    const request = { watched, waitMs: until - clock() };
    const opened = await this.#client.watch(shard, request, hear);
    if (isProblem(opened)) return "refused";
    this.#reached = true;
    if (opened === null) this.#note(shard);
    else if (this.#closed) opened.close();
    else this.#open.set(shard, opened);
    return over;
  }

  /** Asks in place of watching. */
  async #ask(shard: string): Promise<void> {
    const { until, clock, ask } = this.#options;
    const waitMs = Math.min(until - clock(), HOLD_MS);
    if (waitMs <= 0) return;
    const answer = await ask(shard, waitMs);
    if (isProblem(answer)) return;
    this.#reached = true;
    if (!answer || this.#closed) return;
    const looked = new Promise((resolve) => this.#goOn.set(shard, resolve));
    this.#note(shard);
    await looked;
  }

  #note(shard: string): void {
    if (this.#closed) return;
    this.#worthLooking.add(shard);
    this.#wake();
  }

  /** Those who lost their watch together do not come back together. */
  #pause(ms: number): Promise<void> {
    return this.#client.pause(
      Math.min(ms * (0.5 + this.#client.random()), this.#options.until - this.#options.clock()),
    );
  }
}
