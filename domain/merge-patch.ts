/**
 * JSON Merge Patch (RFC 7396): the members of `patch` are laid over those of `target`, recursively; null takes a member
 * away, and anything that is not an object replaces what it meets. Neither argument is changed.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const members = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  // Not by assignment: a member may be called `__proto__`.
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The JSON text of `target` patched by the JSON text `patch`, or null when it is longer than `maxBytes` in UTF-8.
 * Throws when either text is not JSON.
 */
export function mergePatchText(target: string, patch: string, maxBytes: number): string | null {
  const text = JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)));
  return isLonger(text, maxBytes) ? null : text;
}

/** A code unit is one to three bytes: most texts need no counting. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length * 3 <= maxBytes) return false;
  return text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes;
}
