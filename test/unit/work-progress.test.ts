import { describe, expect, test } from "vitest";
import type { Said } from "../../contract/rpc.ts";
import { runWorkLoop } from "../../workers/processor/work-loop.ts";
import { item, RPC_MS, World } from "./scripted-shard.ts";

const SECOND = 1000;
const FAILURE = { ok: false, error: { code: "x", message: "", retryable: true }, retryAfterMs: null } as const;

/** A job that runs for `runMs` and says `said` at these times. */
function talking(runMs: number, said: [at: number, said: Said][]): World {
  const world = new World();
  world.backlog = [item(1)];
  world.runMs = () => runMs;
  for (const [at, what] of said) world.clock.after(at, () => world.controls.get("job-1")?.say(what));
  return world;
}

describe("what a running job says", () => {
  test("goes out at once, then once a second at most; the last of each field wins", async () => {
    const world = talking(10 * SECOND, [
      [1_000, { percent: 1 }],
      [1_100, { percent: 2, message: "two" }],
      [1_200, { percent: 3 }],
      [1_900, { checkpoint: "[1]" }],
      [4_000, { percent: 4 }],
    ]);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.heard.map(({ at, said }) => [at, said])).toEqual([
      [1_000, { percent: 1 }],
      [2_000, { percent: 3, message: "two", checkpoint: "[1]" }],
      [4_000, { percent: 4 }],
    ]);
  });

  test("of many jobs goes out in one call a second, which names only those that spoke", async () => {
    const world = new World();
    world.backlog = [item(1), item(2), item(3)];
    world.runMs = () => 4 * SECOND;
    for (const id of ["job-1", "job-3"]) world.clock.after(500, () => world.controls.get(id)?.say({ percent: 9 }));
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.beats.map(({ leases }) => leases)).toEqual([["lease-1"], ["lease-3"]]);
    expect(world.beats.map(({ at }) => at)).toEqual([500, 1_500]);
  });

  test("rides on the heartbeat that is due anyway", async () => {
    const world = talking(8 * SECOND, [[5 * SECOND, { percent: 50 }]]);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.beats.map(({ at }) => at)).toEqual([5_000]);
    expect(world.heard).toHaveLength(1);
  });

  test("and was not confirmed goes with the failure that follows", async () => {
    const world = talking(2 * SECOND, [
      [1_500, { percent: 70, checkpoint: "[6]" }],
      [1_600, { checkpoint: "[7]" }],
    ]);
    world.outcome = () => FAILURE;
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.heard.map(({ said }) => said)).toEqual([{ percent: 70, checkpoint: "[6]" }]);
    const reports = world.calls.flatMap(({ request }) => request.reports);
    expect(reports).toEqual([
      { lease: "lease-1", outcome: FAILURE, said: expect.objectContaining({ checkpoint: "[7]" }) },
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
      expect.objectContaining({ said: expect.anything() }),
    );
  });

  test("is kept when the call fails, and goes out with the next", async () => {
    const world = talking(6 * SECOND, [
      [1_000, { percent: 1, message: "one" }],
      [1_500, { percent: 2 }],
    ]);
    world.extendResult = () => (world.beats.length === 1 ? "throw" : "extended");
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.heard[0]).toMatchObject({ at: 2_000, said: { percent: 2, message: "one" } });
  });

  test("at the timeout is kept: the next attempt goes on from there", async () => {
    const world = talking(60 * SECOND, [[2_999, { checkpoint: "[1]" }]]);
    world.backlog = [item(1, { timeoutMs: 3 * SECOND })];
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls.flatMap(({ request }) => request.reports)).toMatchObject([
      { outcome: { error: { code: "timeout" } }, said: { checkpoint: "[1]" } },
    ]);
  });

  test("after its end is not heard", async () => {
    const world = new World();
    world.backlog = [item(1), item(2)];
    world.runMs = ({ id }) => (id === "job-1" ? SECOND : 3 * SECOND);
    world.clock.after(2 * SECOND, () => world.controls.get("job-1")?.say({ percent: 1 }));
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.beats).toEqual([]);
  });

  test("under a lease that is gone ends the job", async () => {
    const world = talking(10 * SECOND, [[1_000, { percent: 1 }]]);
    world.extendResult = () => "cancelled";
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.signals.get("job-1")?.aborted).toBe(true);
    expect(endedAt).toBeLessThan(1_100);
  });
});

describe("heartbeats", () => {
  test("a cancelled job is stopped within five seconds and a call", async () => {
    for (const cancelledAt of [100, 4_900, 5_100, 12_000, 31_000]) {
      const world = new World();
      world.backlog = [item(1)];
      world.runMs = () => 60 * SECOND;
      let stoppedAt = Number.NaN;
      let cancelled = false;
      world.clock.after(50, () =>
        world.signals.get("job-1")?.addEventListener("abort", () => {
          stoppedAt = world.clock.now() - 1_000_000;
        }),
      );
      world.clock.after(cancelledAt, () => {
        cancelled = true;
      });
      world.extendResult = () => (cancelled ? "cancelled" : "extended");
      await world.until(runWorkLoop(world.ports(), world.options()));
      expect(stoppedAt - cancelledAt).toBeGreaterThan(0);
      expect(stoppedAt - cancelledAt).toBeLessThanOrEqual(5_000 + 2 * RPC_MS);
      expect(world.reported.size).toBe(0);
    }
  });

  test("ask the shard to move a lease only where less than half of it is left", async () => {
    const world = new World();
    world.backlog = [item(1)];
    world.runMs = () => 6 * SECOND;
    const ports = world.ports();
    const asked: unknown[] = [];
    const extend: typeof ports.extend = (request) => {
      asked.push(...request.leases);
      return ports.extend(request);
    };
    await world.until(runWorkLoop({ ...ports, extend }, world.options()));
    expect(asked).toEqual([{ lease: "lease-1", leaseMs: 15_000, unlessLeftMs: 7_500 }]);
  });

  test("a lease that was not moved ends when the shard says, unless a later beat moves it", async () => {
    const world = new World();
    world.backlog = [item(1)];
    world.runMs = () => 40 * SECOND;
    world.leftMs = () => 10 * SECOND;
    world.extendResult = () => (world.beats.length === 1 ? "extended" : "throw");
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.events).toContainEqual({ event: "job-dropped", job: "job-1", reason: "lease-lost" });
    // Five seconds to the beat, ten that were left then.
    expect(world.beats.at(-1)?.at).toBeLessThan(15_000);
    expect(world.beats.at(-1)?.at).toBeGreaterThan(13_000);
  });
});
