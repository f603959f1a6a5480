const encoder = new TextEncoder();

/** The length of `text` in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Whether `text` takes at most `maxBytes` in UTF-8: at most three a code unit, so most texts need not be encoded. */
export function fits(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || byteLength(text) <= maxBytes;
}

/**
 * `text` as a JSON string of at most `maxBytes` of UTF-8, quotes included, cut between code points.
 * `cut` says whether some of it is missing.
 */
export function jsonStringWithin(text: string, maxBytes: number): { json: string; cut: boolean } {
  const whole = JSON.stringify(text);
  if (fits(whole, maxBytes)) return { json: whole, cut: false };
  // An escape makes of one code unit up to six bytes, so the cut is found by the written form.
  let bytes = 2;
  let end = 0;
  for (const point of text) {
    bytes += byteLength(JSON.stringify(point)) - 2;
    if (bytes > maxBytes) break;
    end += point.length;
  }
  return { json: JSON.stringify(text.slice(0, end)), cut: true };
}
