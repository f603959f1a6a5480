/** A row of numbers of twice the length that begins with those of `row`: what doubles its room copies each number twice at most. */
export function grown(row: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer>;
export function grown(row: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
export function grown(row: Int32Array | Uint8Array): Int32Array | Uint8Array {
  const larger = row instanceof Int32Array ? new Int32Array(2 * row.length) : new Uint8Array(2 * row.length);
  larger.set(row);
  return larger;
}
