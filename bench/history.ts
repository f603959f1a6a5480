import { globSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import type { Dure } from "./dure/system.ts";
import type { Row } from "./report.ts";

const JOBS = 4_000;
const A_BATCH = 100;
/** What one database of D1 holds, and how long the default retention keeps a job. */
const D1_BYTES = 10e9;
const RETENTION_SECONDS = 7 * 24 * 3600;
const MAX_BYTES = 150;
/** A page of D1's file is allotted whole. */
const TABLES = ["jobs", "jobs_by_queue", "jobs_failed", "history_pages", "history_pages_by_queue"];

/** 200 bytes as people send them: some of it is the same in each, and some of it no other has. */
function payloadOf(i: number): object {
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, "0");
  const order = {
    order: 700_000 + i,
    customer: random(),
    email: `${random()}@example.com`,
    token: random() + random(),
  };
  return {
    ...order,
    template: "order-confirmed",
    note: "x".repeat(200 - JSON.stringify({ ...order, template: "order-confirmed", note: "" }).length),
  };
}

/** What finished jobs take of history, and how many a second fill a database before their retention ends. */
export async function historyRows(system: Dure, stateDir: string): Promise<Row[]> {
  const queue = "bench-history";
  await system.putQueue(queue, { target: { type: "handler", name: "noop" } });
  const before = inHistory(stateDir);
  for (let at = 0; at < JOBS; at += A_BATCH)
    await system.submitTo(queue, A_BATCH, (i) => ({ payload: payloadOf(at + i) }));
  while (inHistory(stateDir).jobs < before.jobs + JOBS) await pause(250);
  const bytes = (inHistory(stateDir).bytes - before.bytes) / JOBS;
  return [
    {
      name: "history: bytes of D1 a job of 200 bytes",
      dure: bytes,
      unit: "",
      budget: { of: "figure", atMost: MAX_BYTES },
    },
    { name: "history: jobs a second that 10 GB hold for 7 days", dure: D1_BYTES / RETENTION_SECONDS / bytes, unit: "" },
  ];
}

/** How many jobs lie in pages, and what the tables of finished jobs take with their indexes, as the database's file has them. */
function inHistory(stateDir: string): { jobs: number; bytes: number } {
  for (const file of globSync(`${stateDir}/d1/**/*.sqlite`)) {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'history_pages'").get() === undefined) continue;
      const number = (sql: string) => Number(database.prepare(sql).get()?.n ?? 0);
      const named = TABLES.map((table) => `'${table}'`).join(", ");
      return {
        jobs: number("SELECT sum(n) AS n FROM history_pages"),
        bytes: number(`SELECT sum(pgsize) AS n FROM dbstat WHERE name IN (${named})`),
      };
    } finally {
      database.close();
    }
  }
  throw new Error(`no history under ${stateDir}/d1`);
}
