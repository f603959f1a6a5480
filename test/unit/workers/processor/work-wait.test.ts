import { describe, expect, test } from "vitest";
import type { WorkLoopOptions } from "../../../../workers/processor/loop-options.ts";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { httpItem, item, RPC_MS, ScriptedShard } from "../../../rigs/scripted-shard.ts";

const WAIT_MS = 4_000;

function run(shard: ScriptedShard, over: Partial<WorkLoopOptions> = {}): Promise<number> {
  return shard.until(runWorkLoop(shard.ports(), shard.options({ waitMs: WAIT_MS, ...over })));
}

const waits = ({ calls }: ScriptedShard) => calls.map(({ request: { waitMs = 0 } }) => waitMs);

describe("a loop that finds no more", () => {
  test("waits at the shard, and ends when that was in vain", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    expect(await run(shard)).toBe(3 * RPC_MS + shard.worthWaitingMs);
    expect(waits(shard)).toEqual([0, 0, WAIT_MS]);
  });

  test("reports before it waits, so that no report is made twice", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.comes(100, item(2));
    await run(shard);
    expect(shard.calls.map(({ request }) => request.reports.length)).toEqual([0, 1, 0, 1, 0]);
    expect(waits(shard)).toEqual([0, 0, WAIT_MS, 0, WAIT_MS]);
  });

  test("starts what comes meanwhile half a call later, and goes on", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    for (let i = 1; i <= 20; i++) shard.comes(i * 100, item(i + 1));
    await run(shard);
    expect(shard.started.slice(1).map(({ at }) => at)).toEqual(
      Array.from({ length: 20 }, (_, i) => (i + 1) * 100 + RPC_MS / 2),
    );
  });

  test("does not wait where it came in vain, nor when it may not", async () => {
    const vain = new ScriptedShard();
    await run(vain);
    expect(waits(vain)).toEqual([0]);
    const never = new ScriptedShard();
    never.backlog = [item(1)];
    await run(never, { waitMs: 0 });
    expect(waits(never)).toEqual([0, 0]);
  });

  test("leaves connections to others meanwhile, which begin what takes one at once", async () => {
    const waiting = new ScriptedShard();
    waiting.worthWaitingMs = WAIT_MS;
    waiting.backlog = [httpItem(1)];
    const other = new ScriptedShard(waiting.clock);
    other.backlog = [httpItem(2), httpItem(3)];
    const { connections } = waiting;
    const first = runWorkLoop(waiting.ports(), waiting.options({ waitMs: WAIT_MS }));
    let second = Promise.resolve();
    waiting.clock.after(100, () => {
      second = runWorkLoop(other.ports(), other.options({ connections }));
    });
    await waiting.until(first.then(() => second));
    expect(waits(waiting)).toEqual([0, 0, WAIT_MS]);
    expect(waiting.calls.map(({ request }) => request.room.http)).toEqual([6, 6, 3]);
    expect(other.started.map(({ at }) => at)).toEqual([100 + RPC_MS, 100 + RPC_MS]);
  });

  test("does not wait while a job is in hand, nor after one that outlasted the budget", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1), item(2)];
    shard.runMs = ({ id }) => (id === "job-2" ? 5_000 : 0);
    await run(shard);
    expect(waits(shard).every((ms) => ms === 0)).toBe(true);
    expect(shard.calls.at(-1)?.request.room).toEqual({ handler: 0, http: 0 });
  });

  test("ends a minute after it began, though jobs still come, and a budget after the shard has more than it can take", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(0)];
    for (let i = 1; i <= 1_000; i++) shard.comes(i * 100, item(i));
    const endedAt = await run(shard);
    expect(endedAt).toBeGreaterThan(59_000);
    expect(endedAt).toBeLessThan(61_000);
    const full = new ScriptedShard();
    full.backlog = [item(0)];
    full.runMs = () => 20;
    full.comes(200, ...Array.from({ length: 6_000 }, (_, i) => item(i + 1)));
    expect(await run(full)).toBeLessThan(200 + 750 + 60);
    expect(full.backlog.length).toBeGreaterThan(0);
  });

  test("gives up a shard that does not answer while it waits", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.workFault = (call) => (call >= 2 ? "before" : null);
    expect(await run(shard)).toBeLessThan(60_000);
    expect(shard.reported.size).toBe(1);
  });
});

describe("a job that came while the loop waited", () => {
  test("has all of its time, counted from its claim", async () => {
    const shard = new ScriptedShard();
    shard.worthWaitingMs = WAIT_MS;
    shard.backlog = [item(1)];
    shard.comes(3_000, item(2, { timeoutMs: 1_000 }));
    shard.runMs = ({ id }) => (id === "job-2" ? 900 : 0);
    await run(shard);
    expect(shard.reported.get("lease-2")).toMatchObject({ ok: true });
  });
});
