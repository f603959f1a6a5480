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

  readonly #first: Segment;
  readonly #differences: Int32Array | Float64Array;

  constructor(segments: readonly Segment[]) {
    const first = segments[0] ?? NO_SEGMENTS;
    const all = segments.flatMap((segment) => segment.map((n, i) => (i === 0 ? n : n - (first[i] ?? 0))));
    this.#first = first;
    this.#differences = all.every((n) => n === (n | 0)) ? Int32Array.from(all) : Float64Array.from(all);
  }

  get length(): number {
    return this.#differences.length / WIDTH;
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
    const of = (member: number) => this.#differences[i * WIDTH + member] ?? 0;
    const [, createdAt, seq, rank] = this.#first;
    return [of(0), createdAt + of(1), seq + of(2), rank + of(3)];
  }
}
