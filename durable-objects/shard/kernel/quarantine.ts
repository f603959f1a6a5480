import { faultText, isPlatformFault } from "../../../domain/fault.ts";
import { Part, type PartContext, type Parts } from "./part.ts";
import { Probe, type RowName, textOf } from "./probe.ts";
import type { Step } from "./step.ts";

/** A row that throws is tried again after this long, then after twice as long, and so on up to the longest. */
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 300_000;
/** Rows that are set aside at once: beyond, the oldest is forgotten, throws again, and is found again. */
const MOST_ASIDE = 1_000;
/** A row that somebody asks for is tried at once, but no more often than this. */
const HASTENED_AT_MOST_EVERY_MS = 1_000;
/** What is due again and was not looked at for so long is forgotten: its row is gone, or nothing walks over it any more. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/** A row that is set aside: work on it throws. Times are epoch milliseconds. */
export interface Aside extends RowName {
  /** Since when. */
  readonly since: number;
  /** When it was tried last. */
  readonly triedAt: number;
  /** Until then it is passed over. Infinite: no walk comes over it, and it stays so until it is released. */
  readonly until: number;
  readonly tries: number;
  /** What was thrown last, as far as it may be told (`domain/fault.ts`). */
  readonly fault: string;
}

/** How a walk names its rows. */
export interface Rows<Row> {
  /** What the rows are: a table mostly. Walks that share a kind share what is set aside. */
  kind: string;
  keyOf: (row: Row) => string;
  /** Work on a row walks over other rows: what throws there is their fault. */
  nests?: true;
  /** Somebody asks for just these rows: they are tried, whether they are set aside or not. */
  asked?: true;
  /** That this walk comes on proves nothing: one that is set aside stays so until somebody says that it is done (`release`). */
  unproven?: true;
}

/**
 * The rows at which work throws, of all tables, so that one of them stops no other. It is no state of a job: a row that is
 * set aside is passed over until its backoff is over, and is then tried as any other.
 *
 * It is kept in memory alone, and changes though the step that found it was undone: an object that starts anew throws once
 * more and finds it again. `docs/adr/0030` says why, and what it costs.
 */
export class Quarantine {
  readonly #byKind = new Map<string, Map<string, Aside>>();
  /** Found in the step that is being repeated: such rows are passed over by those who asked for them, too. */
  #found = new Set<string>();
  #probe: Probe | null = null;
  /** The row on which work has begun last: where something throws, it is mostly that one. */
  #last: RowName | null = null;
  #tell: (aside: Aside) => void = () => undefined;
  /** Whether any row is set aside. A field and no method: it is looked at in every step. */
  any = false;

  /** `tell` hears of each row that is set aside, and of each time that it throws again. */
  listen(tell: (aside: Aside) => void): void {
    this.#tell = tell;
  }

  /** Whether the row is passed over at `now`. */
  holds(kind: string, key: string, now: number): boolean {
    return this.any && this.#isPassedOver(this.#byKind.get(kind)?.get(key), now);
  }

  /** The row, if it is set aside, be it that it is to be tried again by now. */
  find(kind: string, key: string): Aside | null {
    return this.#byKind.get(kind)?.get(key) ?? null;
  }

  /** How many rows of a kind are passed over at `now`: a statement with a limit has to read so many more. */
  count(kind: string, now: number): number {
    if (!this.any) return 0;
    let passedOver = 0;
    for (const aside of this.#byKind.get(kind)?.values() ?? []) if (this.#isPassedOver(aside, now)) passedOver += 1;
    return passedOver;
  }

  /** The rows of a kind that are passed over at `now`. */
  passedOverKeys(kind: string, now: number): string[] {
    if (!this.any) return [];
    return [...(this.#byKind.get(kind)?.values() ?? [])].flatMap((aside) =>
      this.#isPassedOver(aside, now) ? aside.key : [],
    );
  }

  /** All that are set aside, those first that have been for longest. */
  list(): Aside[] {
    return [...this.#byKind.values()].flatMap((ofKind) => [...ofKind.values()]).sort((a, b) => a.since - b.since);
  }

  /**
   * When a walk has something to do: `next` says when the next row is due, `some` which are due first, and when. What is set
   * aside counts from the time on at which it is tried again, also when that has come: it was not forgotten before.
   */
  nextAt(
    { kind, now }: { kind: string; now: number },
    next: () => number | null,
    some: (limit: number) => { key: string; at: number }[],
  ): number | null {
    const ofKind = this.#byKind.get(kind);
    if (ofKind === undefined) return next();
    let soonest = this.retryAt(kind, now);
    for (const { key, at } of some(ofKind.size + 1)) {
      const aside = ofKind.get(key);
      if (this.#isPassedOver(aside, now)) continue;
      const since = aside !== undefined && aside.until <= now ? Math.max(at, aside.until) : at;
      soonest = Math.min(soonest, since);
    }
    return Number.isFinite(soonest) ? soonest : null;
  }

  /** Whether work on the row may begin. `Rows.nests` and `Rows.asked` are said by the walk. */
  enters(name: RowName, now: number, { nests = false, asked = false } = {}): boolean {
    if (asked ? this.#found.has(textOf(name)) : this.holds(name.kind, name.key, now)) return false;
    if (this.#probe !== null && !this.#probe.enters(name, nests)) return false;
    this.#last = name;
    return true;
  }

  /** Work on the row has come to its end. When its step commits it is set aside no more. */
  leaves(step: Step, name: RowName, { unproven = false } = {}): void {
    this.#probe?.leaves(name);
    if (!unproven) this.releaseWith(step, name);
  }

  /** The row is set aside no more when the step has committed. */
  releaseWith(step: Step, name: RowName): void {
    if (this.any && this.find(name.kind, name.key) !== null) step.onCommit(() => this.release(name));
  }

  /** The row is set aside no more. */
  release({ kind, key }: RowName): void {
    const ofKind = this.#byKind.get(kind);
    if (ofKind?.delete(key) && ofKind.size === 0) this.#byKind.delete(kind);
    this.any = this.#byKind.size > 0;
  }

  /** Work on the row has thrown: it is passed over for a while, longer each time. */
  setAside({ kind, key }: RowName, error: unknown, now: number): void {
    const known = this.find(kind, key);
    const tries = (known?.tries ?? 0) + 1;
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(tries - 1, 20), LONGEST_BACKOFF_MS);
    const since = known?.since ?? now;
    this.#keep({ kind, key, since, triedAt: now, until: now + backoff, tries, fault: faultText(error) });
  }

  /** Settings cannot be read. No backoff mends that: it is said until they are sent again, and whoever takes them says so (`release`). */
  setAsideForGood({ kind, key }: RowName, error: unknown, now: number): void {
    const until = Number.POSITIVE_INFINITY;
    this.#keep({ kind, key, since: now, triedAt: now, until, tries: 1, fault: faultText(error) });
  }

  #keep(aside: Aside): void {
    const { kind, key, triedAt } = aside;
    this.#makeRoom(triedAt);
    const ofKind = this.#byKind.get(kind) ?? new Map<string, Aside>();
    this.#byKind.set(kind, ofKind.set(key, aside));
    this.any = true;
    this.#tell(aside);
  }

  /** Somebody asks for the row: it may be tried at once. False when it is not set aside, or was tried a moment ago. */
  hasten({ kind, key }: RowName, now: number): boolean {
    const aside = this.find(kind, key);
    if (aside === null || Math.abs(now - aside.triedAt) < HASTENED_AT_MOST_EVERY_MS) return false;
    this.#byKind.get(kind)?.set(key, { ...aside, until: now, triedAt: now });
    return true;
  }

  /**
   * Finds the rows at which a step that has just thrown does so, by running it with one row at a time: `attempt` runs it, and
   * undoes it or not as it likes. The row that it had come to is tried first. Answers whether any was found. A fault of the
   * platform is no row's, and ends the search.
   */
  search(attempt: () => void, now: number): boolean {
    const suspect = this.#last;
    this.#last = null;
    return (
      (suspect !== null && this.#searchWith(new Probe(suspect), attempt, now)) ||
      this.#searchWith(new Probe(), attempt, now)
    );
  }

  #searchWith(probe: Probe, attempt: () => void, now: number): boolean {
    this.#probe = probe;
    let any = false;
    try {
      while (probe.begin()) {
        try {
          attempt();
        } catch (error) {
          const { target } = probe;
          if (target === null || isPlatformFault(error)) return any;
          this.setAside(target, error, now);
          this.#found.add(textOf(target));
          any = true;
          continue;
        }
        if (!probe.passed()) return any;
      }
      return any;
    } finally {
      this.#probe = null;
    }
  }

  /** The step in which rows were found has been repeated, or is not going to be. */
  endSearch(): void {
    this.#found.clear();
  }

  /** When the first of the rows of a kind that are passed over is tried again; infinite when none is. */
  retryAt(kind: string, now: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const aside of this.#byKind.get(kind)?.values() ?? []) {
      if (this.#isPassedOver(aside, now)) soonest = Math.min(soonest, aside.until);
    }
    return soonest;
  }

  #isPassedOver(aside: Aside | undefined, now: number): boolean {
    // Of a clock that has stepped back the backoff is not believed.
    return aside !== undefined && aside.until > now && aside.until - now <= LONGEST_BACKOFF_MS;
  }

  #makeRoom(now: number): void {
    const all = this.list();
    for (const aside of all) if (now - aside.until > FORGOTTEN_AFTER_MS) this.release(aside);
    const [oldest] = all;
    if (all.length >= MOST_ASIDE && oldest !== undefined) this.release(oldest);
  }
}

/** Which rows are set aside. Nothing of it is in the rows: see `Quarantine`. */
export const QUARANTINE = new Part("quarantine", () => new Quarantine());

/**
 * Works on `rows` one after the other, but for those that are set aside. When work on one throws, the engine finds it and
 * repeats the step without it: whoever walks over rows walks by this. Answers on how many it worked.
 */
export function walk<Row>(
  step: Step,
  of: Rows<Row>,
  { rows, each }: { rows: Iterable<Row>; each: (row: Row) => void },
): number {
  const quarantine = step.get(QUARANTINE);
  let worked = 0;
  for (const row of rows) {
    const name = { kind: of.kind, key: of.keyOf(row) };
    if (!quarantine.enters(name, step.now, of)) continue;
    each(row);
    quarantine.leaves(step, name, of);
    worked += 1;
  }
  return worked;
}

/**
 * What `make` makes of a row in a call that only reads; null when it throws, and the row is set aside then. A row that is set
 * aside is tried all the same.
 */
export function readable<Made>(
  parts: Parts,
  name: RowName,
  { now, make }: { now: number; make: () => Made },
): Made | null {
  try {
    return make();
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    parts.get(QUARANTINE).setAside(name, error, now);
    return null;
  }
}

/** What `make` makes of settings when the object starts; null when they cannot be read, which is said until they are sent again. */
export function readableSettings<Made>(shard: PartContext, name: RowName, make: () => Made): Made | null {
  try {
    return make();
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    shard.get(QUARANTINE).setAsideForGood(name, error, shard.startedAt);
    return null;
  }
}
