import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { shards } from "./api.ts";

/** Everything that the platform has stored, as one text by its place: what a canary must not be in. */
export async function everythingStored(): Promise<Record<string, string>> {
  const places: Record<string, string> = { d1: await databaseText(env.DB), kv: await kvText(env.CACHE) };
  for (const { id, stub } of shards()) {
    places[id] = await runInDurableObject(stub, (_, { storage }) => {
      const names = storage.sql.exec<{ name: string }>(TABLES).toArray();
      return JSON.stringify(names.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM "${name}"`).toArray()]));
    });
  }
  return places;
}

const TABLES =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'";

async function databaseText(database: D1Database): Promise<string> {
  const { results } = await database.prepare(TABLES).all<{ name: string }>();
  const tables = results.map(async ({ name }) => [
    name,
    (await database.prepare(`SELECT * FROM "${name}"`).all()).results,
  ]);
  return JSON.stringify(await Promise.all(tables));
}

async function kvText(kv: KVNamespace): Promise<string> {
  const { keys } = await kv.list();
  return JSON.stringify(await Promise.all(keys.map(async ({ name }) => [name, await kv.get(name)])));
}
