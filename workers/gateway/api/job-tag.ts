import type { Result } from "../../../contract/problems.ts";
import { isProblem } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { requiredTags } from "../resources/if-match.ts";

/**
 * The entity tag of a job: its id and its version, which grows with every change. What a worker says of its progress leaves the
 * version as it is, so its time stands in the tag as well.
 */
export function jobTag({ id, version, progress }: Pick<Job, "id" | "version" | "progress">): string {
  return progress === undefined || progress === null ? `"${id}.${version}"` : `"${id}.${progress.at}.${version}"`;
}

/**
 * The versions of a job for which a change is meant by the caller's `If-Match`: those of its entity tags, or of `"3"` as other
 * resources have it. Null: any. A change of a job does not ask how far it was. A 400 problem for a header that is malformed.
 */
export function versionsIn(header: string | null, id: string): Result<number[] | null> {
  const tags = requiredTags(header);
  if (isProblem(tags) || tags === null) return tags;
  return tags.flatMap((tag) => {
    const [, of, version] = /^"(?:([^".]+)\.(?:[0-9]+\.)?)?([0-9]{1,15})"$/.exec(tag) ?? [];
    return version === undefined || (of !== undefined && of !== id) ? [] : [Number(version)];
  });
}
