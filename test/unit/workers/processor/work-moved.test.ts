import { describe, expect, test } from "vitest";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { item, ScriptedShard } from "../../../rigs/scripted-shard.ts";

const SECOND = 1_000;

/** A loop with one job that runs for `runMs`. */
function oneJob(runMs = 0): ScriptedShard {
  const shard = new ScriptedShard();
  shard.backlog = [item(1)];
  shard.runMs = () => runMs;
  return shard;
}

describe("a job whose slot moves to another shard while it runs", () => {
  test("is reported there, once", async () => {
    const shard = oneJob();
    shard.homeOf = () => "shard-9";
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.reportsTo).toMatchObject([{ home: "shard-9", leases: ["lease-1"] }]);
    expect(shard.reported.size).toBe(1);
    expect(shard.events).toEqual([]);
  });

  test("is followed when it moves on", async () => {
    const shard = oneJob();
    shard.homeOf = () => ["shard-8", "shard-9"][shard.reportsTo.length] ?? "shard-9";
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.reportsTo.map(({ home }) => home)).toEqual(["shard-8", "shard-9"]);
    expect(shard.reported.size).toBe(1);
  });

  test("takes none of the others of its report along", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [1, 2, 3].map((number) => item(number));
    shard.homeOf = (lease) => (lease === "lease-2" ? "shard-9" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.reportsTo).toMatchObject([{ leases: ["lease-2"] }]);
    expect([...shard.reported.keys()].sort()).toEqual(["lease-1", "lease-2", "lease-3"]);
  });

  test("goes on, because its heartbeat asks where it is now", async () => {
    const shard = oneJob(40 * SECOND);
    shard.homeOf = () => (shard.clock.now() > 1_000_000 + 6 * SECOND ? "shard-9" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.events).toEqual([]);
    expect(shard.reported.size).toBe(1);
    // The first that finds it gone asks again at once; from then on its home is known, to its report too.
    expect(shard.beats.map(({ at }) => Math.round(at / SECOND))).toEqual([5, 10, 10, 15, 20, 25, 30, 35, 40]);
    expect(shard.reportsTo).toHaveLength(1);
    expect(shard.calls.filter(({ request }) => request.reports.length > 0)).toEqual([]);
  });

  test("keeps what it says until its new shard has it", async () => {
    const shard = oneJob(3 * SECOND);
    shard.homeOf = () => "shard-9";
    const loop = runWorkLoop(shard.ports(), shard.options());
    shard.clock.after(SECOND, () => shard.controls.get("job-1")?.say({ percent: 5 }));
    await shard.until(loop);
    expect(shard.heard).toMatchObject([{ lease: "lease-1", progress: { percent: 5 } }]);
  });

  test("is given up when no shard has it, and runs again when its lease ends", async () => {
    const shard = oneJob();
    let moves = 0;
    shard.homeOf = () => `shard-${moves++}`;
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.events).toEqual([{ event: "gave-up", reports: 1 }]);
    expect(shard.reportsTo.length).toBeLessThan(6);
  });
});

test("a report that its new shard cannot be told is sent again, a few times", async () => {
  const shard = oneJob();
  shard.homeOf = () => "shard-9";
  const ports = shard.ports();
  let calls = 0;
  const report: typeof ports.report = (home, request) => {
    calls += 1;
    return calls < 3 ? Promise.reject(new Error("away")) : ports.report(home, request);
  };
  await shard.until(runWorkLoop({ ...ports, report }, shard.options()));
  expect(shard.reported.size).toBe(1);
  expect(shard.events.map(({ event }) => event)).toEqual(["call-failed", "call-failed"]);
});
