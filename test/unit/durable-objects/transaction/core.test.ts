import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CALL, HOUR, MINUTE, SECOND } from "../../../rigs/shard-harness.ts";
import { type Call, type Fate, TransactionRig } from "../../../rigs/transaction-rig.ts";

let rig: TransactionRig;

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  rig = new TransactionRig();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const all = (count: number) => ({ there: count, prepared: 0, none: 0 });
const nothing = (count: number) => ({ there: 0, prepared: 0, none: count });
const broken = () =>
  [...rig.shards.values()].flatMap((shard) => shard.audit(CALL, Date.now()).violations.map(({ rule }) => rule));

test("a batch over three shards is accepted whole, and answered when every shard has it", async () => {
  const jobs = rig.jobs(9);
  const reply = await rig.run(jobs);
  expect(reply).toMatchObject({ type: "committed", verdicts: jobs.map(() => ({ type: "accepted", state: "queued" })) });
  expect(rig.present(jobs)).toEqual(all(9));
  expect(rig.calls).toHaveLength(6);
  expect(broken()).toEqual([]);
});

test("one bad job refuses all, and each bad one is told by its place", async () => {
  const jobs = rig.jobs(9);
  const bad = jobs.map((job, i) => (i === 4 || i === 8 ? { ...job, expiresAt: Date.now() } : job));
  const reply = await rig.run(bad);
  const verdicts = bad.map((_, i) => ({ type: i === 4 || i === 8 ? "expired" : "refused" }));
  expect(reply).toEqual({ type: "refused", verdicts });
  expect(rig.present(jobs)).toEqual(nothing(9));
});

test("newer settings that a shard knows are told, and nothing is accepted", async () => {
  const newer = { ...rig.queue, version: 2, weight: 3 };
  rig.shard("shard-1").configure({ ...CALL, queues: [newer] });
  const jobs = rig.jobs(3);
  expect(await rig.run(jobs)).toEqual({ type: "settings", settings: [newer] });
  expect(rig.present(jobs)).toEqual(nothing(3));
});

test("the same run is joined while it is under way, and answered again when it is over", async () => {
  const jobs = rig.jobs(3);
  const [first, second] = await Promise.all([rig.run(jobs), rig.run(jobs)]);
  rig.restart();
  expect(await rig.run(jobs)).toEqual(first);
  expect(second).toEqual(first);
  expect(rig.calls).toHaveLength(6);
});

describe("calls that fail", () => {
  const first = (fate: Fate, method: Call["method"]) => (call: Call) =>
    call.method === method && call.to === "shard-1" && call.nth === 1 ? fate : "ok";

  test.each<[Fate, Call["method"]]>([
    ["before", "prepare"],
    ["after", "prepare"],
    ["never", "prepare"],
    ["before", "commit"],
    ["after", "commit"],
    ["never", "commit"],
  ])("once, %s %s: are made again", async (fate, method) => {
    rig.fate = first(fate, method);
    const jobs = rig.jobs(6);
    const run = rig.run(jobs);
    await rig.pass(6 * SECOND);
    expect(await run).toMatchObject({ type: "committed" });
    expect(rig.present(jobs)).toEqual(all(6));
  });

  test.each<[Fate]>([["before"], ["after"], ["never"]])(
    "always, %s prepare: abort the batch within five seconds",
    async (fate) => {
      rig.fate = ({ method, to }) => (method === "prepare" && to === "shard-2" ? fate : "ok");
      const jobs = rig.jobs(6);
      const run = rig.run(jobs);
      await rig.pass(4 * SECOND);
      expect(rig.core.outcome()).toBe("undecided");
      await rig.pass(2 * SECOND);
      expect(rig.core.outcome()).toBe("abort");
      expect(await run).toEqual({ type: "unavailable" });
      expect(rig.present(jobs)).toEqual(nothing(6));
    },
  );

  test("a shard that is away at the commit has the batch when it is back, minutes later", async () => {
    rig.fate = ({ method, to }) => (method === "commit" && to === "shard-0" ? "before" : "ok");
    const jobs = rig.jobs(6);
    const run = rig.run(jobs);
    await rig.pass(3 * SECOND);
    expect(await run).toMatchObject({ type: "committed", verdicts: jobs.map(() => ({ type: "accepted" })) });
    // It asks by itself: that is the other way.
    await rig.pass(2 * SECOND);
    expect(rig.present(jobs)).toEqual(all(6));
    rig.fate = () => "ok";
    await rig.pass(2 * MINUTE);
    expect(rig.calls.filter((call) => call === "commit shard-0").length).toBeGreaterThan(4);
    // Its jobs are ready, and nobody came for them in these minutes.
    expect(new Set(broken())).toEqual(new Set(["work-has-executor"]));
  });
});

describe("the coordinator dies", () => {
  /** Dies at the `nth` call from now on, before it is made. */
  function dieAt(nth: number): void {
    let calls = 0;
    rig.fate = () => {
      calls += 1;
      if (calls === nth) rig.restart();
      return "ok";
    };
  }

  test.each([1, 2, 3, 4, 5, 6])("at its call %i: the batch is whole or absent, as its sender is told", async (nth) => {
    dieAt(nth);
    const jobs = rig.jobs(6);
    void rig.run(jobs);
    await rig.pass(10 * SECOND);
    const committed = nth > 3;
    expect(rig.core.outcome()).toBe(committed ? "commit" : "abort");
    expect(rig.present(jobs)).toEqual(committed ? all(6) : nothing(6));
    expect((await rig.run(jobs)).type).toBe(committed ? "committed" : "unavailable");
    expect(broken()).toEqual([]);
  });

  test("before anything was written: a participant that asks is told to abort, and nothing is stored", async () => {
    expect(rig.core.outcome()).toBe("abort");
    await rig.core.alarm();
    expect(rig.alarmAt).toBeNull();
  });
});

test("a transaction forgets itself an hour after it was over, and is not run again", async () => {
  const jobs = rig.jobs(3);
  await rig.run(jobs);
  const beginBy = Date.now() + MINUTE;
  await rig.pass(HOUR - MINUTE);
  expect((await rig.run(jobs, beginBy)).type).toBe("committed");
  await rig.pass(2 * MINUTE);
  expect(rig.forgotten).toBe(true);
  rig.restart();
  expect(await rig.run(jobs, beginBy)).toEqual({ type: "too-late" });
});

test("jobs whose slots have moved are prepared by their new owner", async () => {
  const jobs = rig.jobs(6);
  const old = rig.map;
  const [a, b, c] = old.shards;
  if (!a || !b || !c) throw new Error("three shards");
  rig.map = { epoch: 2, shards: [{ ...a, slots: [...a.slots, ...c.slots] }, b, { ...c, slots: [] }] };
  for (const shard of rig.shards.values()) shard.adopt(rig.map);
  const run = rig.core.run({
    v: 1,
    id: "t1",
    map: old,
    queues: [rig.queue],
    jobs,
    beginBy: Date.now() + MINUTE,
  });
  await rig.pass(SECOND);
  expect((await run).type).toBe("committed");
  expect(rig.present(jobs)).toEqual(all(6));
});

test("two batches with one key are not both accepted, whichever comes first where", async () => {
  const key = { idempotency: { key: "k", hash: "h" } };
  const [one, two] = [rig.jobs(3, key), rig.jobs(3, { idempotency: { key: "k", hash: "other" } })];
  const request = { v: 1, map: rig.map, queues: [rig.queue], jobs: two, beginBy: Date.now() + MINUTE };
  const other = new TransactionRig();
  for (const id of rig.shards.keys()) other.shards.set(id, rig.shard(id));
  const replies = await Promise.all([rig.run(one), other.core.run({ ...request, id: "t2" })]);
  expect(replies.map(({ type }) => type).sort()).toEqual(["committed", "refused"]);
  expect([rig.present(one).there, rig.present(two).there].sort()).toEqual([0, 3]);
});
