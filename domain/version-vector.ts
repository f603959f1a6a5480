/**
 * What a reader has seen of finished jobs, and so must never be told to be otherwise (monotonic reads: Terry and
 * others, "Session Guarantees for Weakly Consistent Replicated Data", 1994). It travels in a bookmark, so it is plain
 * data, and it only grows.
 */
export interface VersionVector {
  /** D1's bookmark: history is not to be read as it was before. Null: nothing was read from history. */
  d1: string | null;
  /** By shard: the newest number in its log of finished jobs that one of its answers knew. */
  shards: Readonly<Record<string, number>>;
  /** That number for every shard that is not named. */
  rest: number;
}

/** What a reader has seen that has read nothing: any copy of history, however old, is as new as this. */
export const EMPTY_VECTOR: VersionVector = { d1: null, shards: {}, rest: 0 };

/**
 * Stands for a number in a log that is not known. It is above every number that a log has, so that no copy of history
 * is taken to be as new.
 */
export const UNKNOWN = Number.MAX_SAFE_INTEGER;

/** The number up to which a copy of history must have the log of `shard`, to be as new as what was seen. */
export function seqIn(vector: VersionVector, shard: string): number {
  return Object.hasOwn(vector.shards, shard) ? (vector.shards[shard] ?? vector.rest) : vector.rest;
}

/**
 * What was seen, once an answer that `shard` gave just now was seen too. The answer knew the shard's log up to `seq`. A log's numbers only grow, so an answer of now knows whatever an earlier one did, and
 * makes known what was not.
 */
export function withSeq(vector: VersionVector, shard: string, seq: number): VersionVector {
  const before = Object.hasOwn(vector.shards, shard) ? seqIn(vector, shard) : UNKNOWN;
  const after = before === UNKNOWN ? seq : Math.max(before, seq);
  return { ...vector, shards: { ...vector.shards, [shard]: after } };
}

/** What somebody has seen who has seen both: whatever satisfies it satisfies `a` and `b`. */
export function merged(a: VersionVector, b: VersionVector): VersionVector {
  const names = new Set([...Object.keys(a.shards), ...Object.keys(b.shards)]);
  const shards = [...names].map((name) => [name, Math.max(seqIn(a, name), seqIn(b, name))]);
  return { d1: laterBookmark(a.d1, b.d1), shards: Object.fromEntries(shards), rest: Math.max(a.rest, b.rest) };
}

/**
 * The later of two bookmarks of D1, which sort as texts in the order of time (D1's documentation, "Time Travel"). Null
 * is before all others.
 */
export function laterBookmark(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

/**
 * At least what was seen, in at most `maxLength` characters of JSON. The shards whose logs have been still for longest
 * are folded into `rest`, which asks more of their copies than was seen. So it is never too little; for those shards a
 * read may have to ask the shard itself, whose answer names it again. What was seen alike gives one text.
 */
export function fitted(vector: VersionVector, maxLength: number): VersionVector {
  const named = Object.entries(vector.shards).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const shards: [string, number][] = [];
  let left = maxLength - JSON.stringify({ ...vector, shards: {}, rest: UNKNOWN }).length;
  let rest = vector.rest;
  for (const [name, seq] of named) {
    // A comma in place of the two braces.
    left -= JSON.stringify({ [name]: seq }).length - 1;
    if (left >= 0) shards.push([name, seq]);
    else rest = Math.max(rest, seq);
  }
  // In one order, so that the same knowledge is the same text.
  shards.sort(([a], [b]) => (a < b ? -1 : 1));
  return { d1: vector.d1, shards: Object.fromEntries(shards), rest };
}
