import { isProblem, type Result } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { type Db, primary } from "../../db/client.ts";
import { findQueue, listQueues } from "../../db/queues.ts";
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

/** A page of a namespace's queues, newest first. `default` is the oldest until somebody puts it. */
export async function listedQueues(database: D1Database, page: ListPage): Promise<Result<QueueSettings[]>> {
  const db: Db = primary(database);
  const rows = await fromDatabase(() => listQueues(db, page));
  if (isProblem(rows) || rows.length === page.limit) return rows;
  const stored = await fromDatabase(() => findQueue(db, page.namespace, DEFAULT_QUEUE));
  if (isProblem(stored)) return stored;
  return stored === null ? [...rows, implicitDefault(page.namespace)] : rows;
}
