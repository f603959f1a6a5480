import { hash32 } from "../../domain/slots.ts";

/** A database of D1 by the name of its binding. */
export interface NamedDatabase {
  name: string;
  database: D1Database;
}

/** One at least. */
export type Databases = readonly [NamedDatabase, ...NamedDatabase[]];

/** Bindings of databases that have history and nothing else, from `HISTORY_DB_1` on. */
const HISTORY_BINDING = /^HISTORY_DB_(\d{1,3})$/;

/** The databases that have history: `DB`, which has the configuration too, and whatever is bound beside it, by their numbers. */
export function historyDatabases(env: { DB: D1Database }): Databases {
  const others = Object.entries(env).flatMap(([name, database]) => {
    const number = HISTORY_BINDING.exec(name)?.[1];
    return number === undefined ? [] : [{ name, database: database as D1Database, number: Number(number) }];
  });
  others.sort((a, b) => a.number - b.number);
  return [{ name: "DB", database: env.DB }, ...others.map(({ name, database }) => ({ name, database }))];
}

/**
 * Where a shard's finished jobs go: the same as long as these databases are bound. One that is added takes an even part of the
 * shards from the others, and no shard goes from one of those to another (rendezvous hashing).
 */
export function homeOf(shard: string, databases: Databases): NamedDatabase {
  const weight = ({ name }: NamedDatabase) => hash32(`${name}/${shard}`);
  return databases.reduce((best, each) => (weight(each) > weight(best) ? each : best));
}
