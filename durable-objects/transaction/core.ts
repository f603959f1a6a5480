import {
  type MapSource,
  type Moved,
  RPC_VERSION,
  type RunReply,
  type RunRequest,
  type ShardApi,
} from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import {
  begin,
  CARRY_OUT_MS,
  type Coordinator,
  type CoordinatorEvent,
  coordinate,
  isOver,
  type Message,
  messages,
  mustKeep,
  type Outcome,
  outcomeOf,
} from "../../domain/two-phase.ts";
import type { Sql } from "../sql.ts";
import { Ballot, partsOf, slotsOf } from "./ballot.ts";
import { type Stored, TransactionObjectStore } from "./store.ts";

/** All shards vote within this long, or the batch is aborted. */
export const DECIDE_MS = 5_000;
/** A call that has no answer by then is made again. */
const CALL_MS = 3_000;
/** Between two rounds of calls: this long at first, then twice as long each time. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 30_000;
/** Rounds that follow each other in memory; after these the alarm goes on. */
const ROUNDS = 6;
/** How long a transaction that is over is remembered: for a sender who did not hear the answer. */
export const REMEMBER_MS = 3_600_000;
const SAFETY_MS = 30_000;

/** Everything a transaction touches outside itself. */
export interface TransactionPorts {
  sql: Sql;
  now(): number;
  /** Calls `wake` after `ms`, unless the function it returns is called before. */
  after(ms: number, wake: () => void): () => void;
  setAlarm(at: number): void;
  /** Deletes all that is stored, the alarm too. */
  forget(): Promise<void>;
  shard(id: string): Pick<ShardApi, "prepare" | "decide">;
  directory(): MapSource;
}

/**
 * One atomic batch over several shards: the coordinator of `domain/two-phase.ts` with its calls. Every state that must
 * be kept is stored in the very step that reaches it, before any call goes out; whatever is lost is asked for again.
 */
export class TransactionCore {
  readonly #ports: TransactionPorts;
  readonly #store: TransactionObjectStore;
  #stored: Stored | null;
  #ballot: Ballot | null = null;
  #driving: Promise<void> | null = null;
  #onDecided: (() => void)[] = [];
  #pauseMs = FIRST_PAUSE_MS;

  constructor(ports: TransactionPorts) {
    this.#ports = ports;
    this.#store = new TransactionObjectStore(ports.sql);
    this.#stored = this.#store.load();
    if (this.#stored !== null && !isOver(this.#stored.state)) this.#step({ type: "recovered" });
  }

  /** Runs the batch, or joins the run that is under way or over. */
  async run(request: RunRequest): Promise<RunReply> {
    if (this.#stored === null) {
      if (this.#ports.now() > request.beginBy) return { type: "too-late" };
      this.#begin(request);
    }
    const driven = this.#drive();
    const decided = new Promise<void>((resolve) => {
      if (this.outcome() === "undecided") this.#onDecided.push(resolve);
      else resolve();
    });
    await Promise.race([driven, decided]);
    await this.#within(CARRY_OUT_MS, driven);
    const answer = this.#stored?.answer;
    if (!answer) throw new Error(`${request.id} was driven and is not decided`);
    return answer;
  }

  /** What a participant is told that asks. */
  outcome(): Outcome {
    return outcomeOf(this.#stored?.state ?? null);
  }

  /** The alarm's handler: goes on with what is not over, and forgets what has long been. */
  async alarm(): Promise<void> {
    const stored = this.#stored;
    if (stored === null) return;
    this.#ports.setAlarm(this.#ports.now() + SAFETY_MS);
    if (stored.overAt === null) {
      await this.#drive();
      if (this.#stored?.overAt === null) this.#ports.setAlarm(this.#ports.now() + this.#pauseMs);
      return;
    }
    if (this.#ports.now() < stored.overAt + REMEMBER_MS) return this.#ports.setAlarm(stored.overAt + REMEMBER_MS);
    this.#stored = null;
    await this.#ports.forget();
  }

  #begin(request: RunRequest): void {
    const parts = partsOf(request.map, slotsOf(request));
    const state = begin(Object.keys(parts), this.#ports.now() + DECIDE_MS);
    this.#ballot = new Ballot(request);
    // Should this object die, the alarm finds the batch undecided, and aborts it.
    this.#ports.setAlarm(state.decideBy);
    this.#become({ name: request.id, state, parts, map: request.map, answer: null, overAt: null });
  }

  /** One loop of calls at a time, whoever wants it driven. */
  #drive(): Promise<void> {
    this.#driving ??= this.#rounds().finally(() => {
      this.#driving = null;
    });
    return this.#driving;
  }

  async #rounds(): Promise<void> {
    this.#pauseMs = FIRST_PAUSE_MS;
    for (let round = 0; ; round++) {
      const state = this.#stored?.state;
      if (state === undefined || isOver(state)) return;
      const calls = messages(state).map((message) => this.#call(message));
      await this.#within(this.#left(state, CALL_MS), Promise.all(calls));
      this.#step({ type: "tick", now: this.#ports.now() });
      if (this.#stored?.state.phase !== state.phase) {
        this.#pauseMs = FIRST_PAUSE_MS;
        round = 0;
        continue;
      }
      // As long as nothing is decided it goes on here: a later instance could not prepare the rest.
      if (round >= ROUNDS && state.phase !== "preparing") return;
      await this.#within(this.#left(state, this.#pauseMs), new Promise(() => undefined));
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    }
  }

  /** `ms`, cut at the time of the decision while that lies ahead. */
  #left({ phase, decideBy }: Coordinator, ms: number): number {
    return phase === "preparing" ? Math.max(0, Math.min(ms, decideBy - this.#ports.now())) : ms;
  }

  /** Ends with `work`, or after `ms`. */
  #within(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#ports.after(ms, resolve);
      work.then(() => resolve(), reject).finally(cancel);
    });
  }

  /** One call and its answer. A call that fails has said nothing, and is made again. */
  async #call({ to, round, type }: Message): Promise<void> {
    const stored = this.#stored;
    const slots = stored?.parts[to];
    if (!stored || slots === undefined) return;
    const head = { v: RPC_VERSION, epoch: stored.map.epoch, txn: stored.name };
    try {
      const shard = this.#ports.shard(to);
      if (type === "prepare") {
        if (this.#ballot === null) return;
        const part = this.#ballot.part(slots);
        const { result: reply } = await shard.prepare({ ...head, ...part, expiresAt: stored.state.decideBy });
        if (reply.type === "moved") return await this.#moved({ from: to, round }, reply);
        if (!this.#isAsked(to, round, "preparing")) return;
        const yes = this.#ballot.hear(part.jobs, reply);
        if (yes !== null) this.#step({ type: "voted", from: to, round, yes });
        return;
      }
      const { result: reply } = await shard.decide({ ...head, outcome: type, slots });
      if (reply.type === "moved") return await this.#moved({ from: to, round }, reply);
      this.#ballot?.accepted(reply.verdicts);
      this.#step({ type: "done", from: to, round });
    } catch (error) {
      console.warn(JSON.stringify({ at: "transaction.call", txn: stored.name, to, type, error: faultText(error) }));
    }
  }

  /** Whether an answer is to what is asked now: a late one must not be taken for it. */
  #isAsked(name: string, round: number, phase: Coordinator["phase"]): boolean {
    const state = this.#stored?.state;
    return state?.phase === phase && state.members[name]?.round === round;
  }

  /** A shard no longer owns all that it was asked for: the part goes by the newer map. */
  async #moved({ from, round }: { from: string; round: number }, { map: theirs }: Moved): Promise<void> {
    const known = this.#stored?.map.epoch ?? 0;
    const map = theirs.epoch > known ? theirs : await this.#ports.directory().map();
    const stored = this.#stored;
    if (stored === null || stored.state.members[from]?.round !== round) return;
    const { [from]: slots = [], ...rest } = stored.parts;
    const taken = partsOf(map, slots);
    const parts = { ...rest };
    for (const [shard, more] of Object.entries(taken)) parts[shard] = [...(parts[shard] ?? []), ...more];
    const state = coordinate(stored.state, { type: "moved", from, round, into: Object.keys(taken) });
    this.#become({ ...stored, state, parts, map });
  }

  #step(event: CoordinatorEvent): void {
    const stored = this.#stored;
    if (stored === null) return;
    const state = coordinate(stored.state, event);
    if (state !== stored.state) this.#become({ ...stored, state });
  }

  /** Stores what must be stored before anything else is said or answered. */
  #become(next: Stored): void {
    const before = this.#stored;
    const outcome = outcomeOf(next.state);
    if (outcome !== "undecided" && !next.answer) next.answer = this.#answer(outcome);
    if (isOver(next.state) && next.overAt === null) {
      next.overAt = this.#ports.now();
      if (this.#ballot !== null) next.answer = this.#ballot.answer(outcome === "commit" ? "commit" : "abort");
    }
    if (mustKeep(before?.state ?? null, next.state)) this.#store.save(next);
    this.#stored = next;
    if (outcome === "undecided") return;
    for (const decided of this.#onDecided.splice(0)) decided();
  }

  #answer(outcome: "commit" | "abort"): RunReply {
    return this.#ballot?.answer(outcome) ?? { type: "unavailable" };
  }
}
