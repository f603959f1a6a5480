import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { CALLS, type CallName } from "../../contract/http/calls.ts";
import { CASES, type Case, Tenant } from "../rigs/call-cases.ts";
import { addNeighbour, RowCounter, type RowsRead, type StatementRead } from "../rigs/rows-read.ts";
import { sleep } from "./api.ts";
import { passTime } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { histories } from "./lane.ts";
import { packJobs } from "./packing.ts";

/**
 * No call's cost grows with what others have: beside a neighbour with many jobs each statement of a call reads exactly as many
 * rows as without. What else could make a difference is the same in both runs: how far history is, which alarms fire, and
 * that each case begins a second after the one before. Reads of a Worker's caches are none of it, for each call is a cold isolate's.
 */

// Which jobs are packed where some are is chance, and two runs would not be alike.
if (env.PACKS === "mixed") packJobs();

/** Longer than succeeded jobs stay, so that a run finds none of the one before. */
const BETWEEN_RUNS_MS = 2 * 3_600_000;
const BETWEEN_CASES_MS = 1_000;
const NAMES = Object.keys(CALLS) as CallName[];

/** Rows read by each case, under the call's name. */
type Readings = Map<CallName, Reading[]>;

interface Reading {
  case: string;
  goesOn: boolean;
  read: RowsRead;
}

/** What was answered otherwise than well: such a call says nothing of what it costs. */
const refused: string[] = [];
let alone: Readings;
let beside: Readings;

beforeAll(async () => {
  // A range of an index reads the row behind it too, where there is one: there is in both runs.
  await readings();
  const first = await Tenant.make();
  alone = await readings();
  // As many in history as on the shards. A statement that walks them reads thousands of rows more, and one is too many here.
  await addNeighbour(histories.neighbour, first);
  beside = await readings();
}, 600_000);

async function readings(): Promise<Readings> {
  const all: Readings = new Map();
  const counter = await RowCounter.onShards();
  await counter.project();
  passTime(BETWEEN_RUNS_MS);
  await counter.fireDue();
  const tenant = await Tenant.make();
  for (const name of NAMES) {
    const rows: Reading[] = [];
    for (const one of await CASES[name](tenant)) {
      rows.push({
        case: labelOf(one),
        goesOn: one.goesOn === true,
        read: await rowsOf(counter, tenant, one),
      });
    }
    all.set(name, rows);
  }
  return all;
}

/** Without the names that are another tenant's. */
function labelOf({ method, path }: Case): string {
  return `${method} ${path.replaceAll(/[a-z]+\d+-\d+|main-\d+|(job|op|lease)_?[\w.-]{20,}/g, "…").replaceAll(/\/(leases|keys|namespaces|operations)\/[^/]+/g, "/$1/…")}`;
}

async function rowsOf(counter: RowCounter, tenant: Tenant, one: Case): Promise<RowsRead> {
  const { method, path, body, key = tenant.key, headers, goesOn } = one;
  passTime(BETWEEN_CASES_MS);
  await counter.fireDue();
  await counter.begin();
  const options = { key, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) };
  const answering = callThrough(counter.bindings(), [method, path], options);
  if (goesOn) await fireUntil(counter, answering);
  const answer = await answering;
  if (answer.status >= 300) refused.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return counter.read();
}

/** What a call leaves to the alarms of shards is done while it goes on, and counted too. */
async function fireUntil(counter: RowCounter, answering: Promise<unknown>): Promise<void> {
  let done = false;
  const end = () => {
    done = true;
  };
  answering.then(end, end);
  counter.firesAtOnce = true;
  while (!done) {
    await counter.fireDue();
    await sleep(20);
  }
  counter.firesAtOnce = false;
}

const NEVER = { runs: 0, rows: 0 };

/** Each statement that has read more or fewer rows beside the neighbour, and how many. */
function differences(name: CallName) {
  return (beside.get(name) ?? []).flatMap(({ case: label, goesOn, read }, n) => {
    const before: RowsRead = alone.get(name)?.[n]?.read ?? new Map();
    return [...new Set([...before.keys(), ...read.keys()])]
      .map((query) => ({
        case: label,
        query,
        alone: before.get(query) ?? NEVER,
        beside: read.get(query) ?? NEVER,
      }))
      .filter((rows) => !(goesOn ? readsAlike(rows) : rows.alone.rows === rows.beside.rows));
  });
}

/** While history is away the alarm looks at 20 entries of its log at most, whosever they are: in an index, and the rows themselves. */
const LOG_ROWS = 2 * 20;
/** A few pages. Whoever walks what the neighbour has, be it of one state on one shard, reads hundreds. */
const FEW_ROWS = 5 * LOG_ROWS;

/**
 * How often a call that goes on looks whether the shards are done is a matter of time, and so is how often they act: to a row a run,
 * where each run has as much to do. One that came for nothing makes the others' share less, and one that came only beside has none
 * to be compared with: these read a few rows more in all.
 */
function readsAlike({
  query,
  alone: before,
  beside: after,
}: {
  query: string;
  alone: StatementRead;
  beside: StatementRead;
}) {
  const aRun = ({ runs, rows }: StatementRead) => (runs === 0 ? 0 : rows / runs);
  const isLook = query.includes("FROM finished WHERE kept = 1 ORDER BY purge_at");
  if (isLook) return aRun(after) <= LOG_ROWS;
  return Math.abs(aRun(after) - aRun(before)) <= 1 || after.rows - before.rows <= FEW_ROWS;
}

test("every call has its cases", () => {
  expect(Object.keys(CASES).sort()).toEqual(NAMES.toSorted());
  expect(refused).toEqual([]);
});

test("what is counted is more than nothing", () => {
  const read = alone.get("listJobs")?.flatMap((one) => [...one.read.values()]) ?? [];
  expect(read.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(50);
});

test.each(NAMES.filter((name) => name !== "audit"))("%s reads as many rows beside a neighbour", (name) => {
  expect(differences(name)).toEqual([]);
});

test("audit looks at a small shard, and reads no more rows beside a neighbour", () => {
  expect(differences("audit").filter((rows) => rows.beside.rows > rows.alone.rows)).toEqual([]);
});
