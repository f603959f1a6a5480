import { isProblem, type Result } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { type Db, primary } from "../../db/client.ts";
import { findQueue, findQueues, listQueues } from "../../db/queues.ts";
import { fromDatabase } from "../database.ts";
import type { ListPage, ResourceKey } from "../resources/kind.ts";

/** A queue's settings as D1 has them, deleted ones too; null where there never was such a queue. `default` always exists. */
export async function storedQueue(
  database: D1Database,
  { namespace, name }: ResourceKey,
): Promise<Result<QueueSettings | null>> {
  const stored = await fromDatabase(() => findQueue(primary(database), namespace, name));
  return stored ?? (name === DEFAULT_QUEUE ? implicitDefault(namespace) : null);
}

/** The same of many at once, by `keyText`: a statement for each hundred. */
export async function storedQueues(
  database: D1Database,
  keys: readonly ResourceKey[],
): Promise<Result<ReadonlyMap<string, QueueSettings>>> {
  const distinct = [...new Map(keys.map((key) => [keyText(key), key])).values()];
  const stored = await fromDatabase(() => findQueues(primary(database), distinct));
  if (isProblem(stored)) return stored;
  const found = new Map(stored.map((settings) => [keyText(settings), settings]));
  for (const { namespace, name } of distinct) {
    const key = keyText({ namespace, name });
    if (name === DEFAULT_QUEUE && !found.has(key)) found.set(key, implicitDefault(namespace));
  }
  return found;
}

export function keyText({ namespace, name }: ResourceKey): string {
  return `${namespace}/${name}`;
}

/** A page of a namespace's queues, newest first. `default` is the oldest until somebody puts it. */
export async function listedQueues(database: D1Database, page: ListPage): Promise<Result<QueueSettings[]>> {
  const db: Db = primary(database);
  const rows = await fromDatabase(() => listQueues(db, page));
  if (isProblem(rows) || rows.length === page.limit) return rows;
  const stored = await fromDatabase(() => findQueue(db, page.namespace, DEFAULT_QUEUE));
  if (isProblem(stored)) return stored;
  return stored === null ? [...rows, implicitDefault(page.namespace)] : rows;
}
