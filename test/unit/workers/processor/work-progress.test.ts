import { describe, expect, test } from "vitest";
import type { ProgressPatch } from "../../../../contract/rpc.ts";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { item, RPC_MS, ScriptedShard } from "../../../rigs/scripted-shard.ts";

const SECOND = 1000;
const FAILURE = { ok: false, error: { code: "x", message: "", retryable: true }, retryAfterMs: null } as const;

/** A job that runs for `runMs` and says `said` at these times. */
function talking(runMs: number, patch: [at: number, said: ProgressPatch][]): ScriptedShard {
  const shard = new ScriptedShard();
  shard.backlog = [item(1)];
  shard.runMs = () => runMs;
  for (const [at, what] of patch) shard.clock.after(at, () => shard.controls.get("job-1")?.say(what));
  return shard;
}

describe("what a running job says", () => {
  test("goes out at once, then once a second at most; the last of each field wins", async () => {
    const shard = talking(10 * SECOND, [
      [1_000, { percent: 1 }],
      [1_100, { percent: 2, message: "two" }],
      [1_200, { percent: 3 }],
      [1_900, { checkpoint: "[1]" }],
      [4_000, { percent: 4 }],
    ]);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.heard.map(({ at, progress }) => [at, progress])).toEqual([
      [1_000, { percent: 1 }],
      [2_000, { percent: 3, message: "two", checkpoint: "[1]" }],
      [4_000, { percent: 4 }],
    ]);
  });

  test("of many jobs goes out in one call a second, which names only those that spoke", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1), item(2), item(3)];
    shard.runMs = () => 4 * SECOND;
    for (const id of ["job-1", "job-3"]) shard.clock.after(500, () => shard.controls.get(id)?.say({ percent: 9 }));
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.beats.map(({ leases }) => leases)).toEqual([["lease-1"], ["lease-3"]]);
    expect(shard.beats.map(({ at }) => at)).toEqual([500, 1_500]);
  });

  test("rides on the heartbeat that is due anyway", async () => {
    const shard = talking(8 * SECOND, [[5 * SECOND, { percent: 50 }]]);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.beats.map(({ at }) => at)).toEqual([5_000]);
    expect(shard.heard).toHaveLength(1);
  });

  test("and was not confirmed goes with the failure that follows", async () => {
    const shard = talking(2 * SECOND, [
      [1_500, { percent: 70, checkpoint: "[6]" }],
      [1_600, { checkpoint: "[7]" }],
    ]);
    shard.outcome = () => FAILURE;
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.heard.map(({ progress }) => progress)).toEqual([{ percent: 70, checkpoint: "[6]" }]);
    const reports = shard.calls.flatMap(({ request }) => request.reports);
    expect(reports).toEqual([
      { lease: "lease-1", outcome: FAILURE, progress: expect.objectContaining({ checkpoint: "[7]" }) },
    ]);
  });

  test("and was confirmed does not go again; a success takes nothing along", async () => {
    const failed = talking(2 * SECOND, [[500, { checkpoint: "[1]" }]]);
    failed.outcome = () => FAILURE;
    await failed.until(runWorkLoop(failed.ports(), failed.options()));
    expect(failed.calls.flatMap(({ request }) => request.reports)).toEqual([{ lease: "lease-1", outcome: FAILURE }]);
    const done = talking(2 * SECOND, [
      [1_500, { percent: 1 }],
      [1_600, { percent: 2 }],
    ]);
    await done.until(runWorkLoop(done.ports(), done.options()));
    expect(done.calls.flatMap(({ request }) => request.reports)).not.toContainEqual(
      expect.objectContaining({ progress: expect.anything() }),
    );
  });

  test("is kept when the call fails, and goes out with the next", async () => {
    const shard = talking(6 * SECOND, [
      [1_000, { percent: 1, message: "one" }],
      [1_500, { percent: 2 }],
    ]);
    shard.extendResult = () => (shard.beats.length === 1 ? "throw" : "extended");
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.heard[0]).toMatchObject({ at: 2_000, progress: { percent: 2, message: "one" } });
  });

  test("at the timeout is kept: the next attempt goes on from there", async () => {
    const shard = talking(60 * SECOND, [[2_999, { checkpoint: "[1]" }]]);
    shard.backlog = [item(1, { timeoutMs: 3 * SECOND })];
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls.flatMap(({ request }) => request.reports)).toMatchObject([
      { outcome: { error: { code: "timeout" } }, progress: { checkpoint: "[1]" } },
    ]);
  });

  test("after its end is not heard", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1), item(2)];
    shard.runMs = ({ id }) => (id === "job-1" ? SECOND : 3 * SECOND);
    shard.clock.after(2 * SECOND, () => shard.controls.get("job-1")?.say({ percent: 1 }));
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.beats).toEqual([]);
  });

  test("under a lease that is gone ends the job", async () => {
    const shard = talking(10 * SECOND, [[1_000, { percent: 1 }]]);
    shard.extendResult = () => "cancelled";
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.signals.get("job-1")?.aborted).toBe(true);
    expect(endedAt).toBeLessThan(1_100);
  });
});

describe("heartbeats", () => {
  test("a cancelled job is stopped within five seconds and a call", async () => {
    for (const cancelledAt of [100, 4_900, 5_100, 12_000, 31_000]) {
      const shard = new ScriptedShard();
      shard.backlog = [item(1)];
      shard.runMs = () => 60 * SECOND;
      let stoppedAt = Number.NaN;
      let cancelled = false;
      shard.clock.after(50, () =>
        shard.signals.get("job-1")?.addEventListener("abort", () => {
          stoppedAt = shard.clock.now() - 1_000_000;
        }),
      );
      shard.clock.after(cancelledAt, () => {
        cancelled = true;
      });
      shard.extendResult = () => (cancelled ? "cancelled" : "extended");
      await shard.until(runWorkLoop(shard.ports(), shard.options()));
      expect(stoppedAt - cancelledAt).toBeGreaterThan(0);
      expect(stoppedAt - cancelledAt).toBeLessThanOrEqual(5_000 + 2 * RPC_MS);
      expect(shard.reported.size).toBe(0);
    }
  });

  test("ask the shard to move a lease only where less than half of it is left", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = () => 6 * SECOND;
    const ports = shard.ports();
    const asked: unknown[] = [];
    const extend: typeof ports.extend = (request, home) => {
      asked.push(...request.leases);
      return ports.extend(request, home);
    };
    await shard.until(runWorkLoop({ ...ports, extend }, shard.options()));
    expect(asked).toEqual([{ lease: "lease-1", leaseMs: 15_000, unlessLeftMs: 7_500 }]);
  });

  test("a lease that was not moved ends when the shard says, unless a later beat moves it", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = () => 40 * SECOND;
    shard.leftMs = () => 10 * SECOND;
    shard.extendResult = () => (shard.beats.length === 1 ? "extended" : "throw");
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.events).toContainEqual({ event: "job-dropped", job: "job-1", reason: "lease-lost" });
    // Five seconds to the beat, ten that were left then.
    expect(shard.beats.at(-1)?.at).toBeLessThan(15_000);
    expect(shard.beats.at(-1)?.at).toBeGreaterThan(13_000);
  });
});
