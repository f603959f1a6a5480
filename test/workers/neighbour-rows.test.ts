import { beforeAll, expect, test } from "vitest";
import { CALLS, type CallName } from "../../contract/http/calls.ts";
import { CASES, type Case, PENDING, Tenant } from "../rigs/call-cases.ts";
import { addNeighbour, RowCounter, type RowsRead } from "../rigs/rows-read.ts";
import { runAlarms } from "./clock.ts";
import { callThrough } from "./faults.ts";

/** No call's cost grows with what others have: each reads as many rows beside a neighbour with many jobs as without. */

const NEIGHBOURS_JOBS = 20_000;
/** What shards do by themselves meanwhile is counted too: the least of some times is what the call reads. */
const TRIES = 3;
const ALARMS = 6;
const NAMES = Object.keys(CALLS) as CallName[];

/** Rows read by each case, under the call's name. */
type Readings = Map<CallName, { case: string; rows: RowsRead }[]>;

/** What was answered otherwise than well: such a call says nothing of what it costs. */
const refused: string[] = [];
let alone: Readings;
let beside: Readings;

beforeAll(async () => {
  const tenant = await Tenant.make();
  alone = await leastOf(TRIES);
  await addNeighbour(NEIGHBOURS_JOBS, tenant);
  beside = await leastOf(TRIES);
}, 600_000);

async function leastOf(tries: number): Promise<Readings> {
  const least: Readings = new Map();
  const counter = await RowCounter.onShards();
  for (let i = 0; i < tries; i++) {
    const tenant = await Tenant.make();
    for (const name of NAMES) {
      const known = least.get(name);
      const rows: { case: string; rows: RowsRead }[] = [];
      for (const [n, one] of (await CASES[name](tenant)).entries()) {
        const read = await rowsOf(counter, tenant, one);
        const before = known?.[n]?.rows ?? read;
        rows.push({ case: labelOf(one), rows: lesser(read, before) });
      }
      least.set(name, rows);
    }
  }
  return least;
}

function lesser(a: RowsRead, b: RowsRead): RowsRead {
  return a.shards + a.d1 < b.shards + b.d1 ? a : b;
}

/** Without the names that are another tenant's. */
function labelOf({ method, path }: Case): string {
  return `${method} ${path.replaceAll(/[a-z]+\d+-\d+|main-\d+|(job|op|lease)_?[\w.-]{20,}/g, "…").replaceAll(/\/(leases|keys|namespaces|operations)\/[^/]+/g, "/$1/…")}`;
}

async function rowsOf(counter: RowCounter, tenant: Tenant, one: Case): Promise<RowsRead> {
  const { method, path, body, key = tenant.key, headers, goesOn } = one;
  counter.reset();
  const options = { key, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) };
  const answer = await callThrough(counter.bindings(), [method, path], options);
  if (answer.status >= 300) refused.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  for (let i = 0; goesOn && i < ALARMS; i++) await runAlarms();
  return counter.read();
}

test("every call has its cases", () => {
  expect(Object.keys(CASES).sort()).toEqual(NAMES.toSorted());
  expect(refused).toEqual([]);
});

test.each(NAMES.filter((name) => !PENDING.includes(name)))("%s reads no more rows beside a neighbour", (name) => {
  // Where a statement's range ends it looks at the row behind, which may be there only beside a neighbour.
  for (const [n, { case: label, rows }] of (beside.get(name) ?? []).entries()) {
    const least = alone.get(name)?.[n]?.rows ?? { shards: 0, d1: 0, statements: 0 };
    expect(rows.shards + rows.d1, label).toBeLessThanOrEqual(least.shards + least.d1 + rows.statements);
  }
});
