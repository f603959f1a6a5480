/**
 * Cloudflare's public prices in US dollars, Workers Paid plan, beyond what the plan includes. Read on 2026-11-22 from
 * developers.cloudflare.com, pages /workers/platform/pricing/, /durable-objects/platform/pricing/,
 * /queues/platform/pricing/, /d1/platform/pricing/ and /kv/platform/pricing/.
 */
export const PRICES = {
  /** Per million requests: HTTP, Queue batches, cron runs. */
  workerRequest: 0.3,
  /** Per million milliseconds of a Worker's CPU. */
  cpuMs: 0.02,
  /** Per million method calls, fetches and alarms of Durable Objects. */
  objectRequest: 0.15,
  /** Per million GB-seconds of Durable Objects that are awake. */
  objectGbSecond: 12.5,
  /** Per million rows that Durable Objects write, index entries included. */
  objectRow: 1,
  /** Per million Queue operations; a message is written, read and deleted: three. */
  queueOperation: 0.4,
  /** Per million rows that D1 writes, index entries included. */
  d1Row: 1,
  /** Per million writes of KV. */
  kvWrite: 5,
} as const;

/** An awake object counts as 128 MB, whatever it uses. */
const OBJECT_GB = 0.128;
const OPERATIONS_A_MESSAGE = 3;

/** What the Workers Paid plan includes each month, of what it bills beyond. */
const INCLUDED: Usage = {
  workerRequests: 10e6,
  cpuMs: 30e6,
  objectRequests: 1e6,
  objectSeconds: 400_000 / OBJECT_GB,
  objectRows: 50e6,
  // Of the same rows.
  alarmRows: 0,
  messages: 1e6 / OPERATIONS_A_MESSAGE,
  d1Rows: 50e6,
  kvWrites: 1e6,
};

/** What one job uses, on average. */
export interface Usage {
  workerRequests: number;
  cpuMs: number;
  objectRequests: number;
  /** Seconds in which an object is awake. */
  objectSeconds: number;
  objectRows: number;
  /** Alarms set. */
  alarmRows: number;
  messages: number;
  d1Rows: number;
  kvWrites: number;
}

/** Dollars for a million jobs that each use this much. */
export function dollarsPerMillion(usage: Usage): number {
  return (
    usage.workerRequests * PRICES.workerRequest +
    usage.cpuMs * PRICES.cpuMs +
    usage.objectRequests * PRICES.objectRequest +
    usage.objectSeconds * OBJECT_GB * PRICES.objectGbSecond +
    (usage.objectRows + usage.alarmRows) * PRICES.objectRow +
    usage.messages * OPERATIONS_A_MESSAGE * PRICES.queueOperation +
    usage.d1Rows * PRICES.d1Row +
    usage.kvWrites * PRICES.kvWrite
  );
}

/** Dollars for a month of so many times `usage`: as if the plan included nothing, and beyond what it includes. */
export function dollarsAMonth(usage: Usage, times: number): { gross: number; net: number } {
  const month = { ...usage, objectRows: usage.objectRows + usage.alarmRows, alarmRows: 0 };
  const keys = Object.keys(INCLUDED) as (keyof Usage)[];
  const of = (amount: (key: keyof Usage) => number) =>
    dollarsPerMillion(Object.fromEntries(keys.map((key) => [key, amount(key) / 1e6])) as unknown as Usage);
  return {
    gross: of((key) => month[key] * times),
    net: of((key) => Math.max(0, month[key] * times - INCLUDED[key])),
  };
}
