/** What V8 needs for a value beside its text, roughly. */
const VALUE_BYTES = 16;

const encoder = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function textBytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Told by the beginning of a text, so that measuring costs little beside having. */
function isLatin(text: string): boolean {
  for (let i = Math.min(text.length, 200) - 1; i >= 0; i--) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/**
 * About how many bytes of memory a value takes that came over a binding. A text of Latin letters takes a byte a character, any
 * other two. Hostile values are measured too: those that nest without end, or in a circle.
 */
export function bytesOf(value: unknown): number {
  const seen = new Set<object>();
  const left = [value];
  let sum = 0;
  for (let next = left.pop(); next !== undefined || left.length > 0; next = left.pop()) {
    if (typeof next === "string") sum += next.length * (isLatin(next) ? 1 : 2);
    else if (next instanceof ArrayBuffer || ArrayBuffer.isView(next)) sum += next.byteLength;
    else {
      sum += VALUE_BYTES;
      if (typeof next !== "object" || next === null || seen.has(next)) continue;
      seen.add(next);
      for (const member of membersOf(next)) left.push(member);
    }
  }
  return sum;
}

function membersOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return [...value].flat();
  const prototype: unknown = Object.getPrototypeOf(value);
  // What has methods of its own (a response, a stub) is a handle and not the bytes.
  return prototype === Object.prototype || prototype === null ? Object.values(value) : [];
}
