/** Longer names than any of ours are no slip of the pen, and comparing them costs time. */
const MAX_LENGTH = 40;

/**
 * The name among `names` that `text` is most like, or null when none is near: at most two letters, and at most a third
 * of the name, may differ. Upper and lower case are alike.
 */
export function nearest(text: string, names: readonly string[]): string | null {
  if (text.length > MAX_LENGTH) return null;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = editDistance(text.toLowerCase(), name.toLowerCase());
    if (distance < least && distance <= Math.min(2, Math.floor(name.length / 3))) {
      best = name;
      least = distance;
    }
  }
  return best;
}

/** How many letters have to be put in, taken out or changed to make `b` of `a` (Levenshtein, 1965). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
