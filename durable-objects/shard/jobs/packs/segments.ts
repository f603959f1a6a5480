/** Neighbours of a pack that were accepted in one step: their sequence numbers and ranks ascend by one from the first's. */
export type Segment = readonly [jobs: number, createdAt: number, seq: number, rank: number];

/** Numbers of a segment. */
const WIDTH = 4;
const NO_SEGMENTS: Segment = [0, 0, 0, 0];

/**
 * The segments of a pack. Jobs that come one by one, or whose neighbours have another priority, have a segment each, and a shard may
 * have a million of them: so they lie in one array, as differences to the first, 16 bytes a segment where these are small.
 */
export class Segments implements Iterable<Segment> {
  static readonly none = new Segments([]);

  readonly length: number;
  readonly #first: Segment;
  /** Null where there are not two of them: an array takes more than all else of a pack of one job. */
  readonly #differences: Int32Array | Float64Array | null;

  constructor(segments: readonly Segment[]) {
    const first = segments[0] ?? NO_SEGMENTS;
    this.length = segments.length;
    this.#first = first;
    this.#differences = segments.length < 2 ? null : differencesOf(segments, first);
  }

  *[Symbol.iterator](): Generator<Segment, void> {
    for (let i = 0; i < this.length; i++) yield this.#segment(i);
  }

  get last(): Segment | null {
    return this.length === 0 ? null : this.#segment(this.length - 1);
  }

  /** As the column has them. */
  toJSON(): Segment[] {
    return [...this];
  }

  #segment(i: number): Segment {
    const differences = this.#differences;
    if (differences === null) return this.#first;
    const of = (member: number) => differences[i * WIDTH + member] ?? 0;
    const [, createdAt, seq, rank] = this.#first;
    return [of(0), createdAt + of(1), seq + of(2), rank + of(3)];
  }
}

function differencesOf(segments: readonly Segment[], first: Segment): Int32Array | Float64Array {
  const all = segments.flatMap((segment) => segment.map((n, i) => (i === 0 ? n : n - (first[i] ?? 0))));
  return all.every((n) => n === (n | 0)) ? Int32Array.from(all) : Float64Array.from(all);
}
