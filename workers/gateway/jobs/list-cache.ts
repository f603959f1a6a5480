import { canonicalJson } from "../../../contract/canonical-json.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import type { JobListQuery } from "../../../contract/job.ts";
import { JsonText, writeJson } from "../../../contract/json-text.ts";
import { isProblem, type Result } from "../../../contract/problems.ts";
import type { VersionVector } from "../../../domain/version-vector.ts";
import type { Context } from "../context.ts";
import { fromEdge, toEdge } from "../edge-cache.ts";
import { eventual, type Freshness } from "../sessions/freshness.ts";
import { type ListAnswer, listJobsPage } from "./job-list.ts";

/** Long enough for a page that many look at, short enough for whoever looks again. */
const MAX_AGE_SECONDS = 5;

/** A page that was so at `at`, epoch ms; and what whoever is told of it has seen. */
interface CachedPage {
  /** Its JSON text, which goes out as it is. */
  page: string;
  at: number;
  vector: VersionVector;
}

/** A page at the level of its query: for `eventual` reads it may be a few seconds old, as this data centre has it. */
export async function listJobsAt(
  context: Context,
  query: JobListQuery,
): Promise<Result<{ page: ListAnswer["page"] | JsonText; freshness: Freshness }>> {
  if (query.consistency !== "eventual") return listJobsPage(context, query);
  const path = await pathOf(context.caller, query);
  const cached = await fromEdge<CachedPage>(path);
  const aged = cached === null ? null : eventual(cached.at, context.clock());
  if (cached !== null && aged !== null) {
    context.session.include(cached.vector);
    return { page: new JsonText(cached.page), freshness: aged };
  }
  const askedAt = context.clock();
  const answer = await listJobsPage(context, query);
  if (isProblem(answer)) return answer;
  const { page, freshness } = answer;
  const at = freshness.level === "eventual" ? context.clock() - freshness.ageSeconds * 1000 : askedAt;
  const entry: CachedPage = { page: writeJson(page), at, vector: context.session.ownVector() };
  context.later(toEdge(path, entry, MAX_AGE_SECONDS));
  return answer;
}

/** The number is of the entries' shape. The caller has authenticated for the namespace. */
async function pathOf({ namespace }: Context["caller"], query: JobListQuery): Promise<string> {
  return `/lists/2/${encodeURIComponent(namespace)}/${await sha256Hex(canonicalJson(query))}`;
}
