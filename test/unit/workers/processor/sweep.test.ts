import { describe, expect, test } from "vitest";
import { INVOCATION_SECONDS } from "../../../../contract/limits.ts";
import { secondsToMs } from "../../../../contract/time.ts";
import { Connections } from "../../../../workers/processor/connections.ts";
import { BESIDE_LONG_JOBS, type SweepPorts, sweep } from "../../../../workers/processor/sweep.ts";
import { NO_CLAIMS_MS, startWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { item, RPC_MS, ScriptedShard, START } from "../../../rigs/scripted-shard.ts";
import { Clock } from "../../../simulation/clock.ts";

/** Several shards on one clock, swept as one invocation would. */
function shards(names: string[]) {
  const clock = new Clock(START);
  const connections = new Connections(6);
  const worlds = new Map(names.map((name) => [name, new ScriptedShard(clock)]));
  const started: string[] = [];
  const endsAt = START + secondsToMs(INVOCATION_SECONDS);
  const isOver = () => clock.now() >= endsAt - NO_CLAIMS_MS;
  const world = (name: string) => worlds.get(name) ?? new ScriptedShard(clock);
  const run = (
    first: string[],
    everyMs: number,
    {
      known = async () => names,
      untilWork,
      mostMs = everyMs,
    }: { mostMs?: number; known?: SweepPorts["shards"]; untilWork?: SweepPorts["untilWork"] } = {},
  ) => {
    const start = (name: string) => {
      started.push(name);
      const options = { connections, budgetMs: everyMs > 0 ? 10_000 : 750, pollMs: everyMs, endsAt };
      return startWorkLoop(world(name).ports(), world(name).options(options));
    };
    const one = world(names[0] ?? "");
    return one.until(
      sweep({ start, shards: known, after: one.ports().after, isOver, ...(untilWork && { untilWork }) }, first, {
        firstMs: everyMs,
        mostMs,
      }),
    );
  };
  return { clock, world, started, run };
}

describe("without a sweep", () => {
  test("each shard that rang gets one loop", async () => {
    const { run, started, world } = shards(["a", "b", "c"]);
    world("a").backlog = [item(1)];
    world("c").backlog = [item(1)];
    await run(["a", "b"], 0);
    expect(started).toEqual(["a", "b"]);
    expect([world("a").reported.size, world("c").reported.size]).toEqual([1, 0]);
  });
});

describe("with a sweep", () => {
  test("work of every shard is found while a slow job is in hand", async () => {
    const { run, world, clock } = shards(["a", "b"]);
    world("a").backlog = [item(1)];
    world("a").runMs = ({ id }) => (id === "job-1" ? 60_000 : 0);
    clock.after(20_000, () => {
      world("a").backlog.push(item(2));
      world("b").backlog.push(item(3));
    });
    const endedAt = await run(["a"], 100);
    expect(endedAt).toBeGreaterThan(60_000);
    for (const [shard, job] of [
      ["a", "job-2"],
      ["b", "job-3"],
    ] as const) {
      const at = world(shard).started.find(({ id }) => id === job)?.at ?? Number.NaN;
      expect(at - 20_000).toBeLessThanOrEqual(210);
    }
  });

  test("past its budget a shard with a slow job in hand has one other loop at a time", async () => {
    const { run, world, started } = shards(["a"]);
    world("a").backlog = [item(1)];
    world("a").runMs = () => 60_000;
    await run(["a"], 100);
    // A dry loop ends at once, so every tick past the budget starts one: 50 s of them.
    expect(started.length).toBeGreaterThan(400);
    expect(started.length).toBeLessThan(520);
    expect(world("a").reported.size).toBe(1);
  });

  test("a shard that says that it has work is looked at at once", async () => {
    const { run, world, clock } = shards(["a", "b"]);
    world("a").backlog = [item(1)];
    world("a").runMs = ({ id }) => (id === "job-1" ? 60_000 : 0);
    const waiting = new Map<string, () => void>();
    const untilWork = (shard: string, ms: number) =>
      new Promise<boolean>((resolve) => {
        waiting.set(shard, () => resolve(true));
        clock.after(ms, () => resolve(false));
      });
    const arrives = (shard: string, number: number, at: number) =>
      clock.after(at, () => {
        world(shard).backlog.push(item(number));
        waiting.get(shard)?.();
      });
    arrives("a", 2, 12_345);
    arrives("b", 3, 23_456);
    arrives("b", 4, 34_567);
    await run(["a"], 5_000, { untilWork });
    const startedAt = (shard: string, id: string) =>
      world(shard).started.find((job) => job.id === id)?.at ?? Number.NaN;
    expect(startedAt("a", "job-2") - 12_345).toBeLessThanOrEqual(2 * RPC_MS);
    expect(startedAt("b", "job-3") - 23_456).toBeLessThanOrEqual(2 * RPC_MS);
    expect(startedAt("b", "job-4") - 34_567).toBeLessThanOrEqual(2 * RPC_MS);
  });

  test("work that cannot be taken is not asked for more often than without a hint", async () => {
    const { run, world } = shards(["a", "b"]);
    world("a").backlog = [item(1)];
    world("a").runMs = () => 8_000;
    await run(["a"], 100, { untilWork: async () => true });
    // Two ways of asking, each every 100 ms.
    expect(world("b").calls.length).toBeLessThan(2 * 80 + 10);
    expect(world("a").calls.length).toBeLessThan(2 * 80 + 10);
  });

  test("a shard that cannot say whether it has work is looked at all the same", async () => {
    const { run, world, clock } = shards(["a", "b"]);
    world("a").backlog = [item(1)];
    world("a").runMs = ({ id }) => (id === "job-1" ? 5_000 : 0);
    clock.after(1_000, () => world("b").backlog.push(item(2)));
    await run(["a"], 100, { untilWork: () => Promise.reject(new Error("away")) });
    expect(world("b").reported.size).toBe(1);
  });

  test("it ends when nothing is in hand", async () => {
    const { run, started } = shards(["a", "b"]);
    expect(await run(["a"], 100)).toBeLessThan(100);
    expect(started).toEqual(["a"]);
  });

  test("without the map it goes on with the shards that rang", async () => {
    const { run, world, clock } = shards(["a", "b"]);
    world("a").backlog = [item(1)];
    world("a").runMs = ({ id }) => (id === "job-1" ? 5000 : 0);
    clock.after(1000, () => world("b").backlog.push(item(2)));
    await run(["a", "b"], 100, { known: () => Promise.reject(new Error("no directory")) });
    expect(world("b").reported.size).toBe(1);
  });
});

describe("beside a long job", () => {
  const { firstMs, mostMs } = BESIDE_LONG_JOBS;

  test("the other shards are looked at every four seconds, and as often as at first once something is found", async () => {
    const { run, world, clock } = shards(["a", "b"]);
    world("a").backlog = [item(1, { timeoutMs: 3_600_000 })];
    world("a").runMs = ({ id }) => (id === "job-1" ? 600_000 : 0);
    clock.after(200_000, () => world("b").backlog.push(item(2)));
    await run(["a"], firstMs, { mostMs });
    const looks = world("b").calls.map(({ at }) => Math.round(at / 1_000));
    expect(looks.slice(0, 6)).toEqual([2, 4, 8, 12, 16, 20]);
    const found = world("b").started[0]?.at ?? Number.NaN;
    expect(found).toBeLessThan(200_000 + mostMs + 1_000);
    expect(world("b").calls.filter(({ at }) => at > found && at < found + 10_000).length).toBeGreaterThanOrEqual(3);
    expect(looks.length).toBeLessThan(600_000 / mostMs + 10);
  });

  test("its own lane goes on: a job that comes behind it is run by the same invocation", async () => {
    const { run, world, clock } = shards(["a"]);
    world("a").backlog = [item(1, { timeoutMs: 3_600_000 })];
    world("a").runMs = ({ id }) => (id === "job-1" ? 900_000 : 0);
    clock.after(5_000, () => world("a").backlog.push(item(2)));
    await run(["a"], firstMs, { mostMs });
    expect(world("a").started.find(({ id }) => id === "job-2")?.at).toBeLessThan(15_000);
  });

  test("under lasting load it ends before the platform would end it, with nothing in hand", async () => {
    const names = ["a", "b", "c"];
    const { run, world, clock } = shards(names);
    world("a").backlog = [item(1, { timeoutMs: 3_600_000 })];
    for (const name of names) world(name).runMs = ({ id }) => (id === "job-1" ? 3_600_000 : 20_000);
    let made = 1;
    for (let at = 1_000; at < 1_000_000; at += 1_000) {
      clock.after(at, () => world(names[at % 3] ?? "").backlog.push(item(++made)));
    }
    const endedAt = await run(["a"], firstMs, { mostMs, untilWork: async () => true });
    expect(endedAt).toBeLessThan(secondsToMs(INVOCATION_SECONDS) + 1_000);
    const outcomes = names.flatMap((name) => [...world(name).reported.entries()]);
    expect(outcomes.filter(([, { ok }]) => ok !== true).map(([lease]) => lease)).toEqual(["lease-1"]);
    const startedAt = names.flatMap((name) => world(name).started.map(({ at }) => at));
    expect(outcomes.length).toBe(startedAt.length);
    const takesNoMoreFrom = secondsToMs(INVOCATION_SECONDS) - NO_CLAIMS_MS;
    expect(Math.max(...startedAt)).toBeGreaterThan(takesNoMoreFrom - NO_CLAIMS_MS);
    // Nobody is asked for what would not be taken.
    const late = names.flatMap((name) => world(name).calls.filter(({ at }) => at > takesNoMoreFrom + RPC_MS));
    expect(late.filter(({ request }) => request.reports.length === 0)).toEqual([]);
  });
});

describe("connections", () => {
  test("a loop alone may take them all; two get half each", () => {
    const [one, two] = [{}, {}];
    const connections = new Connections(6);
    connections.join(one);
    expect(connections.take(one, () => undefined)).toBe(6);
    connections.give(6);
    connections.join(two);
    expect([connections.take(one, () => undefined), connections.take(two, () => undefined)]).toEqual([3, 3]);
  });

  test("a loop that waits is woken, and comes before one that has had its share", () => {
    const [one, two] = [{}, {}];
    const connections = new Connections(1);
    connections.join(one);
    connections.join(two);
    let woken = 0;
    expect(connections.take(one, () => undefined)).toBe(1);
    expect(connections.take(two, () => woken++)).toBe(0);
    connections.give(1);
    expect(woken).toBe(1);
    expect(connections.take(one, () => undefined)).toBe(0);
    expect(connections.take(two, () => undefined)).toBe(1);
  });

  test("a loop that leaves while it waits lets the next have its place", () => {
    const [one, two, three] = [{}, {}, {}];
    const connections = new Connections(1);
    for (const loop of [one, two, three]) connections.join(loop);
    connections.take(one, () => undefined);
    connections.take(two, () => undefined);
    connections.take(three, () => undefined);
    connections.give(1);
    expect(connections.available(three)).toBe(false);
    connections.leave(two);
    expect(connections.available(three)).toBe(true);
  });
});
