/** Words of the platform's source, each given out once: to ask for one costs what it costs to ask for many. */
const pool = new Uint32Array(256);
let used = pool.length;

/** Uniform in [0, 1) from the platform's secure source: leases are made of it. */
export function unguessable(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const word = pool[used] ?? 0;
  pool[used] = 0;
  used += 1;
  return word / 2 ** 32;
}
