import { applyD1Migrations, createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Job } from "../../domain/job/job.ts";
import { type Databases, historyDatabases, homeOf } from "../../workers/db/databases.ts";
import gateway from "../limits/gateway.ts";
import { type Answer, answerOf, type CallOptions, request, shards } from "./api.ts";
import { runCron } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { finishedJobs } from "./history.ts";
import { PROCESSOR_ENV, project } from "./processor.ts";

/** A deployment with further databases of history. `env` has them under names that no Worker looks for. */

type Migrations = Parameters<typeof applyD1Migrations>[1];
const { MIGRATIONS, SECOND, THIRD } = env as unknown as {
  MIGRATIONS: Migrations;
  SECOND: D1Database;
  THIRD: D1Database;
};

const ADDED = { HISTORY_DB_1: SECOND, HISTORY_DB_2: THIRD };
export type Added = keyof typeof ADDED;

export async function migrateAdded(): Promise<void> {
  for (const database of Object.values(ADDED)) await applyD1Migrations(database, MIGRATIONS);
}

/** What is bound with these databases beside `DB`. */
export class Spread {
  readonly #bound: Partial<Record<Added, D1Database>>;

  constructor(...added: Added[]) {
    this.#bound = Object.fromEntries(added.map((name) => [name, ADDED[name]]));
  }

  get databases(): Databases {
    return historyDatabases({ ...env, ...this.#bound });
  }

  get bindings(): Env {
    return { ...env, ...this.#bound };
  }

  call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return callThrough<T>(this.bindings, [method, path], options);
  }

  /** A call of which the Worker goes on after its answer. `ended`: it no longer does. */
  async begin<T>(method: string, path: string, options: CallOptions = {}): Promise<{ body: T; ended: Promise<void> }> {
    const context = createExecutionContext();
    const { body } = await answerOf<T>(await gateway.fetch(request(method, path, options), this.bindings, context));
    return { body, ended: waitOnExecutionContext(context) };
  }

  async must<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.call<T>(method, path, options);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async project(): Promise<void> {
    await project({ ...PROCESSOR_ENV, ...this.#bound });
  }

  cron(): Promise<void> {
    return runCron(this.bindings);
  }

  homeOf(shard: string): string {
    return homeOf(shard, this.databases).name;
  }
}

/** All jobs of a queue (its `queueId`) by the database in which they lie; tombstones too. */
export async function whereIs(
  queue: string,
): Promise<Record<"DB" | Added, (Omit<Job, "state"> & { state: string })[]>> {
  const all = await Promise.all([env.DB, SECOND, THIRD].map((database) => finishedJobs(queue, database)));
  return { DB: all[0] ?? [], HISTORY_DB_1: all[1] ?? [], HISTORY_DB_2: all[2] ?? [] };
}

export function shardIds(): string[] {
  return shards().map(({ id }) => id);
}

/** As if the other databases had never been bound: all goes to `DB` from now on, from where it is. What lies in the others stays. */
export async function backToOne(): Promise<void> {
  await new Spread("HISTORY_DB_1", "HISTORY_DB_2").project();
  for (const database of [SECOND, THIRD]) {
    const { results } = await database
      .prepare("SELECT shard, cursor FROM projections")
      .all<{ shard: string; cursor: number }>();
    const save = `INSERT INTO projections (shard, cursor, updated_at) VALUES (?1, ?2, 0)
      ON CONFLICT (shard) DO UPDATE SET cursor = max(cursor, excluded.cursor)`;
    for (const { shard, cursor } of results) await env.DB.prepare(save).bind(shard, cursor).run();
    await database.prepare("DELETE FROM projections").run();
  }
  await env.DB.prepare("UPDATE projections SET moved_to = NULL, since = 0").run();
}
