import { conflict, invalid, isProblem, type Problem, type Result } from "../../../contract/problems.ts";

/** Entity tags of versions, and the condition that a change names by them (RFC 9110, 8.8.3 and 13.1.1). */

/** The entity tag of a version: strong, because equal versions are equal settings. */
export function versionTag(version: number): string {
  return `"${version}"`;
}

/** One entity tag, weak or strong. */
const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/;

/**
 * Why `what` may not be changed by the caller's `If-Match` header, or null where it may: the header is malformed (400), or
 * names another version (412). `version` is the current one, null of what does not exist. No header is no condition.
 */
export function unmetCondition(header: string | null, what: string, version: number | null): Problem | null {
  if (header === null) return null;
  const tags = requiredTags(header);
  if (isProblem(tags)) return tags;
  // A weak tag never matches here: what is behind it may differ (RFC 9110, 8.8.3.2).
  const met = version !== null && (tags === null || tags.includes(versionTag(version)));
  return met ? null : conflict.version(what, version);
}

/** The entity tags of which the header asks for one. Null: any will do. A 400 problem for a header that is malformed. */
export function requiredTags(header: string | null): Result<string[] | null> {
  if (header === null || header.trim() === "*") return null;
  const tags = entityTags(header);
  return tags.length === 0 ? MALFORMED : tags;
}

const MALFORMED = invalid.header(
  "If-Match",
  'is an entity tag with its quotes, such as "3", several of them with commas between, or *',
);

/** The entity tags of a list; none when it is malformed. Empty elements are allowed (RFC 9110, 5.6.1). */
function entityTags(list: string): string[] {
  const tags: string[] = [];
  for (let rest = list.trim(); rest !== ""; rest = rest.slice(1).trimStart()) {
    const tag = TAG.exec(rest)?.[0] ?? "";
    if (tag !== "") tags.push(tag);
    rest = rest.slice(tag.length).trimStart();
    if (rest !== "" && !rest.startsWith(",")) return [];
  }
  return tags;
}
