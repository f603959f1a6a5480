/** Cutting a text into pieces, counting its words, and adding counts up: the demo's map and reduce. */

const WORD = /[\p{L}\p{N}]+/gu;

export interface Counts {
  words: number;
  counts: Map<string, number>;
}

/** Counts words directly, by the rule of the `wordcount` handler: runs of letters and digits, lower-cased. */
export function countWords(text: string): Counts {
  const counts = new Map<string, number>();
  let words = 0;
  for (const [match] of text.matchAll(WORD)) {
    const word = match.toLowerCase();
    counts.set(word, (counts.get(word) ?? 0) + 1);
    words++;
  }
  return { words, counts };
}

/** Pieces of about `size` characters that together are the text, cut only at white space. */
export function cut(text: string, size: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + size, text.length);
    while (end < text.length && !/\s/.test(text[end] ?? "")) end++;
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

/** Adds results of the `wordcount` handler up. */
export function addUp(results: { words: number; counts: Record<string, number> }[]): Counts {
  const counts = new Map<string, number>();
  let words = 0;
  for (const result of results) {
    words += result.words;
    for (const [word, n] of Object.entries(result.counts)) counts.set(word, (counts.get(word) ?? 0) + n);
  }
  return { words, counts };
}

/** The words whose counts differ between the two. */
export function differences(a: Counts, b: Counts): string[] {
  const all = new Set([...a.counts.keys(), ...b.counts.keys()]);
  return [...all].filter((word) => a.counts.get(word) !== b.counts.get(word));
}

/** The `n` most frequent words, most frequent first. */
export function top({ counts }: Counts, n: number): [string, number][] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, n);
}
