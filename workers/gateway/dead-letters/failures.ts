import type { FailureView } from "../../../contract/dead-letters.ts";
import type { Page, PageQuery } from "../../../contract/list.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { FailureGroup, FailuresReply } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { makeCursor, openCursor } from "../access/cursor.ts";
import type { QueueName } from "../queues/queue-config.ts";
import type { Services } from "../services.ts";

/** Calls to one shard at most: ten thousand kinds. A queue with more of them is not told apart by kinds anyway. */
const MAX_CALLS = 20;

/** A page of the kinds of failures of a queue over all shards, the most frequent first. */
export async function failuresPage(
  services: Services,
  name: QueueName,
  query: PageQuery,
): Promise<Result<Page<FailureView>>> {
  const list = `failures:${name.namespace}/${name.queue}`;
  const cursor = await openCursor(services.signer, list, query.cursor);
  if (isProblem(cursor)) return cursor;
  const after = positionOf(cursor);
  const map = await services.shards.map();
  if (isProblem(map)) return map;
  const groups = await together(map.shards.map(({ id }) => groupsOf(services, id, name)));
  if (isProblem(groups)) return groups;
  const rest = mergeFailures(groups.flat()).filter((group) => after === null || byFrequency(after, group) < 0);
  const items = rest.slice(0, query.limit);
  const last = items.at(-1);
  const more = rest.length > items.length && last !== undefined;
  const nextCursor = more
    ? await makeCursor(services.signer, list, `${last.count}/${last.lastAt}/${last.fingerprint}`)
    : null;
  return { items: items.map(failureView), nextCursor };
}

async function groupsOf({ shards }: Services, id: string, name: QueueName): Promise<Result<FailureGroup[]>> {
  const groups: FailureGroup[] = [];
  let after: string | null = null;
  for (let calls = 0; calls < MAX_CALLS; calls++) {
    const reply: Result<FailuresReply> = await shards.once(id, { idempotent: true }, (shard, head) =>
      shard.failures({ ...head, ...name, after }),
    );
    if (isProblem(reply)) return reply;
    groups.push(...reply.groups);
    after = reply.next;
    if (after === null) break;
  }
  return groups;
}

/** Groups of several shards, one for each kind, the most frequent first. */
export function mergeFailures(groups: FailureGroup[]): FailureGroup[] {
  const merged = new Map<string, FailureGroup>();
  for (const group of groups) {
    const known = merged.get(group.fingerprint);
    if (known === undefined) {
      merged.set(group.fingerprint, group);
      continue;
    }
    const later = group.lastAt > known.lastAt ? group : known;
    const firstAt = Math.min(group.firstAt, known.firstAt);
    merged.set(group.fingerprint, { ...later, count: group.count + known.count, firstAt });
  }
  return [...merged.values()].sort(byFrequency);
}

type FailurePosition = Pick<FailureGroup, "count" | "lastAt" | "fingerprint">;

/** Most frequent first; of equally many the one that came last; then in an order that stays. */
function byFrequency(a: FailurePosition, b: FailurePosition): number {
  return b.count - a.count || b.lastAt - a.lastAt || (a.fingerprint < b.fingerprint ? -1 : 1);
}

function positionOf(cursor: string | null): FailurePosition | null {
  const [count, lastAt, fingerprint] = cursor?.split("/") ?? [];
  if (count === undefined || lastAt === undefined || fingerprint === undefined) return null;
  return { count: Number(count), lastAt: Number(lastAt), fingerprint };
}

function failureView({ firstAt, lastAt, ...group }: FailureGroup): FailureView {
  return { ...group, first: formatTimestamp(firstAt), last: formatTimestamp(lastAt) };
}
