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
const UNPROJECTED = "dure_jobs_unprojected";

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
  const before = bytesIn(stateDir);
  for (let at = 0; at < JOBS; at += A_BATCH)
    await system.submitTo(queue, A_BATCH, (i) => ({ payload: payloadOf(at + i) }));
  while ((await system.finishedOf(queue)) < JOBS || (await system.metrics()).get(UNPROJECTED) !== 0) await pause(250);
  const bytes = (bytesIn(stateDir) - before) / JOBS;
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

/** Of the tables of finished jobs, with their indexes, as the database's file has them. */
function bytesIn(stateDir: string): number {
  for (const file of globSync(`${stateDir}/d1/**/*.sqlite`)) {
    const database = new DatabaseSync(file, { readOnly: true });
    const named = TABLES.map((table) => `'${table}'`).join(", ");
    const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'history_pages'").all().length > 0;
    const sizes = has
      ? database.prepare(`SELECT sum(pgsize) AS bytes FROM dbstat WHERE name IN (${named})`).get()
      : null;
    database.close();
    if (sizes !== null) return Number(sizes?.bytes ?? 0);
  }
  throw new Error(`no history under ${stateDir}/d1`);
}
