/** Uniform in [0, 1) from the platform's secure source: leases are made of it. */
export function unguessable(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
