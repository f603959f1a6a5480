import { endOfValue, OPEN_BRACE, skipSpace, stringAt, visitMembers } from "./json/scan.ts";

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
 * The JSON text of `target` patched by the JSON text `patch`, or null when it is longer than `maxBytes` in UTF-8. What the patch
 * does not name stays as it was written, to the digit. Of members of one name, which a text may have, the last is the one that is patched,
 * and the only one that stays. Neither text nests deeper than the API lets it.
 */
export function mergePatchText(target: string, patch: string, maxBytes: number): string | null {
  const { change } = changeAt(patch, skipSpace(patch, 0));
  const text = patchedAt(target, skipSpace(target, 0), change).text;
  return isLonger(text, maxBytes) ? null : text;
}

/** What a patch does where it is laid: the members it names, or a text that replaces what is there. */
type Change = { members: Map<string, { written: string; change: Change | null }> } | { text: string };

/** More levels than any text may nest that gets here: what is too deep was refused at the door. */
const LEVELS = 1024;

/** The change that the value at `at` of a patch stands for, and where it ends. */
function changeAt(patch: string, at: number): { change: Change; end: number } {
  if (patch.charCodeAt(at) !== OPEN_BRACE) {
    const end = endOfValue(patch, at, LEVELS);
    return { change: { text: patch.slice(at, end) }, end };
  }
  const members = new Map<string, { written: string; change: Change | null }>();
  const end = visitMembers(patch, at, (nameAt, valueAt) => {
    const name = stringAt(patch, nameAt);
    const { change, end: behind } = changeAt(patch, valueAt);
    const takesAway = "text" in change && change.text === "null";
    members.set(name, { written: JSON.stringify(name), change: takesAway ? null : change });
    return behind;
  });
  return { change: { members }, end };
}

/** The value at `at` with the change laid over it, and where it ended. Each character is looked at once, however deep the patch goes. */
function patchedAt(target: string, at: number, change: Change): { text: string; end: number } {
  if ("text" in change) return { text: change.text, end: endOfValue(target, at, LEVELS) };
  if (target.charCodeAt(at) !== OPEN_BRACE) return { text: fresh(change), end: endOfValue(target, at, LEVELS) };
  const members: (string | null)[] = [];
  const places = new Map<string, number>();
  const end = visitMembers(target, at, (nameAt, valueAt) => {
    const name = stringAt(target, nameAt);
    const named = change.members.get(name);
    if (named === undefined) {
      const behind = endOfValue(target, valueAt, LEVELS);
      members.push(target.slice(nameAt, behind));
      return behind;
    }
    const before = places.get(name);
    if (before !== undefined) members[before] = null;
    if (named.change === null) return endOfValue(target, valueAt, LEVELS);
    places.set(name, members.length);
    const { text, end: behind } = patchedAt(target, valueAt, named.change);
    members.push(target.slice(nameAt, valueAt) + text);
    return behind;
  });
  const added = [...change.members].flatMap(([name, named]) =>
    places.has(name) || named.change === null ? [] : [`${named.written}:${fresh(named.change)}`],
  );
  return { text: objectOf([...members, ...added]), end };
}

/** The change as a value where there was none: what it would take away is not there. */
function fresh(change: Change): string {
  if ("text" in change) return change.text;
  const members = [...change.members.values()];
  return objectOf(members.map(({ written, change: inner }) => (inner === null ? null : `${written}:${fresh(inner)}`)));
}

/** Put together with `+`, which copies nothing. */
function objectOf(members: (string | null)[]): string {
  let all = "";
  for (const member of members) if (member !== null) all += all === "" ? member : `,${member}`;
  return `{${all}}`;
}

/** A code unit is one to three bytes: most texts need no counting. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length * 3 <= maxBytes) return false;
  return text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes;
}
