import { canonicalJson } from "../../../contract/canonical-json.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import type { VersionVector } from "../../../domain/version-vector.ts";
import { fromEdge, toEdge } from "../edge-cache.ts";
import { eventual } from "./freshness.ts";
import { type ListAnswer, type ListRequest, listJobsPage } from "./job-list.ts";
import type { JobReader } from "./reader.ts";

/** Long enough for a page that many look at, short enough for whoever looks again. */
const MAX_AGE_SECONDS = 5;

/** A page that was so at `at`, epoch ms; and what whoever is told of it has seen. */
interface CachedPage {
  page: ListAnswer["page"];
  at: number;
  vector: VersionVector;
}

/** A page at the level of its query: for `eventual` reads it may be a few seconds old, as this data centre has it. */
export async function listJobsAt(reader: JobReader, request: ListRequest): Promise<ListAnswer> {
  if (request.query.consistency !== "eventual") return listJobsPage(reader, request);
  const path = await pathOf(request);
  const cached = await fromEdge<CachedPage>(path);
  const aged = cached === null ? null : eventual(cached.at, reader.clock());
  if (cached !== null && aged !== null) {
    reader.session.include(cached.vector);
    return { page: cached.page, freshness: aged };
  }
  const askedAt = reader.clock();
  const answer = await listJobsPage(reader, request);
  const { page, freshness } = answer;
  const at = freshness.level === "eventual" ? reader.clock() - freshness.ageSeconds * 1000 : askedAt;
  const entry: CachedPage = { page, at, vector: reader.session.ownVector() };
  reader.later(toEdge(path, entry, MAX_AGE_SECONDS));
  return answer;
}

/** The number is of the entries' shape. The caller has authenticated for the namespace. */
async function pathOf({ namespace, query }: ListRequest): Promise<string> {
  return `/lists/1/${encodeURIComponent(namespace)}/${await sha256Hex(canonicalJson(query))}`;
}
