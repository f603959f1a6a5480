import type { AuditPage, AuditView, AuditWalk } from "./audit-rules.ts";
import { Part, type PartContext, type StepScope } from "./part.ts";

/**
 * How many there are of something, by a number (the ref of a queue) and in all: kept beside the rows, so that nobody counts
 * them. A step sees what it has changed itself.
 */
export class KeptCounts {
  readonly #counts = new Map<number, number>();
  readonly #below: KeptCounts | null;
  #total = 0;

  constructor(rows: Iterable<{ key: number; n: number }>, below: KeptCounts | null = null) {
    this.#below = below;
    for (const { key, n } of rows) this.add(key, n);
  }

  of(key: number): number {
    return (this.#counts.get(key) ?? 0) + (this.#below?.of(key) ?? 0);
  }

  get total(): number {
    return this.#total + (this.#below?.total ?? 0);
  }

  /** `n` more, or fewer where it is negative. */
  add(key: number, n: number): void {
    if (n === 0) return;
    const count = (this.#counts.get(key) ?? 0) + n;
    // What is not there any more takes no room.
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
    this.#total += n;
  }

  /** Takes over what a step has changed, when it has committed. */
  join(view: KeptCounts): void {
    for (const [key, n] of view.#counts) this.add(key, n);
  }

  /** The keys of which there are any, in no promised order. */
  keys(): Iterable<number> {
    return this.#counts.keys();
  }
}

/** Counts that are read from the rows when the object starts, and then follow each step that changes them. */
export function keptCounts(name: string, load: (shard: PartContext) => { key: number; n: number }[]): Part<KeptCounts> {
  return new Part(
    name,
    (shard) => new KeptCounts(load(shard)),
    (base, step: StepScope) => {
      const view = new KeptCounts([], base);
      step.onCommit(() => base.join(view));
      return view;
    },
  );
}

/** Where there are more, rows are not compared with their count. */
const COUNTED_AT_MOST = 2_000;

interface CountedRows {
  name: string;
  /** How many of each there are, of `limit` rows at most. */
  rows(view: AuditView, limit: number): { key: number; n: number }[];
}

/** Compares counts with the rows of a table at once, where it has few enough rows: most of the time it is nearly empty. */
export function countsEqualRows(rule: string, part: Part<KeptCounts>, table: CountedRows) {
  return {
    name: `counts of ${table.name}`,
    begin: (): AuditWalk => ({
      next(view: AuditView): AuditPage {
        const kept = view.get(part);
        if (kept.total > COUNTED_AT_MOST) return { rows: 0, done: true, violations: [] };
        const counted = new KeptCounts(table.rows(view, COUNTED_AT_MOST + 1));
        const wrong = [...new Set([...kept.keys(), ...counted.keys()])].filter(
          (key) => kept.of(key) !== counted.of(key),
        );
        const violations = wrong.map((key) => ({
          rule,
          detail: `${table.name} of queue ${key}: ${kept.of(key)} counted, ${counted.of(key)} rows`,
        }));
        return { rows: counted.total, done: true, violations };
      },
      end: () => undefined,
    }),
  };
}
