import { describe, expect, test } from "vitest";
import { runWorkLoop, startWorkLoop } from "../../workers/processor/work-loop.ts";
import { httpItem, item, RPC_MS, World } from "./scripted-shard.ts";

function backlog(count: number, make = item) {
  return Array.from({ length: count }, (_, number) => make(number));
}

const seconds = (count: number) => count * 1000;

describe("batches", () => {
  test("a backlog of jobs that finish at once costs one call for every hundred, and one to begin", async () => {
    const world = new World();
    world.backlog = backlog(1000);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls.map(({ request, given }) => [request.reports.length, given])).toEqual([
      [0, 100],
      ...Array.from({ length: 9 }, () => [100, 100]),
      [100, 0],
    ]);
    expect(world.reported.size).toBe(1000);
    expect(world.beats).toEqual([]);
  });

  test("one job costs two calls: its claim, and its report with a claim that finds nothing", async () => {
    const world = new World();
    world.backlog = [item(1)];
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls.map(({ request }) => [request.reports.length, request.room.handler])).toEqual([
      [0, 100],
      [1, 100],
    ]);
    expect(endedAt).toBe(2 * RPC_MS);
  });

  test("a shard without work is asked once", async () => {
    const world = new World();
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls).toHaveLength(1);
  });

  test("half of a batch is reported without waiting for the rest", async () => {
    const world = new World();
    world.backlog = backlog(10);
    world.runMs = ({ id }) => (id < "job-5" ? 4 : 200);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls[1]?.at).toBe(RPC_MS + 4 + RPC_MS / 2);
    expect(world.calls.map(({ request }) => request.reports.length)).toEqual([0, 5, 5]);
  });

  test("less than half waits 25 ms for company", async () => {
    const world = new World();
    world.backlog = backlog(10);
    world.runMs = ({ id }) => (id < "job-3" ? 4 : 200);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls[1]?.at).toBe(RPC_MS + 4 + 25 + RPC_MS / 2);
    expect(world.calls.map(({ request }) => request.reports.length)).toEqual([0, 3, 7]);
  });

  test("room is the capacity less what is in hand", async () => {
    const world = new World();
    world.backlog = [...backlog(30), ...backlog(4, (number) => httpItem(100 + number))];
    world.runMs = ({ id }) => (id === "job-0" || id === "job-100" ? 100 : 0);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls[0]?.request.room).toEqual({ handler: 100, http: 6 });
    expect(world.calls[1]?.request.room).toEqual({ handler: 99, http: 5 });
  });

  test("results too large for one call together are reported in several", async () => {
    const world = new World();
    world.backlog = backlog(4);
    const result = "x".repeat(3 * 1024 * 1024);
    const ports = { ...world.ports(), execute: async () => ({ ok: true, result, resultTruncated: false }) as const };
    await world.until(runWorkLoop(ports, world.options()));
    expect(world.calls.map(({ request }) => request.reports.length)).toEqual([0, 2, 2]);
  });
});

describe("time", () => {
  test("out of budget it claims no more, finishes what it holds, and leaves with no room", async () => {
    const world = new World();
    world.backlog = backlog(20_000);
    world.runMs = () => 10;
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    const last = world.calls.at(-1);
    expect(last?.request.room).toEqual({ handler: 0, http: 0 });
    expect(last?.request.reports).toHaveLength(100);
    expect(world.calls.filter(({ request }) => request.room.handler === 0)).toHaveLength(1);
    expect(world.reported.size).toBe(world.started.length);
    expect(endedAt).toBeGreaterThan(750);
    expect(endedAt).toBeLessThan(800);
  });

  test("a slow job keeps its lease by a heartbeat every five seconds, one call for all in hand", async () => {
    const world = new World();
    world.backlog = backlog(3);
    world.runMs = () => seconds(22);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.beats.map(({ at, leases }) => [at, leases.length])).toEqual([
      [5000, 3],
      [10_000, 3],
      [15_000, 3],
      [20_000, 3],
    ]);
    expect(world.calls).toHaveLength(2);
    expect(world.calls[1]?.request).toMatchObject({ room: { handler: 0, http: 0 }, reports: [{}, {}, {}] });
  });

  test("an attempt that outlasts its timeout fails with `timeout`, is aborted, and is not heard again", async () => {
    const world = new World();
    world.backlog = [item(1, { timeoutMs: 3000 }), item(2)];
    world.runMs = ({ id }) => (id === "job-1" ? seconds(10) : seconds(12));
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.reported.get("lease-1")).toMatchObject({ ok: false, error: { code: "timeout", retryable: true } });
    expect(world.reported.get("lease-2")).toMatchObject({ ok: true });
    expect(world.signals.get("job-1")?.aborted).toBe(true);
    expect(world.events).toEqual([]);
    expect(world.calls.flatMap(({ request }) => request.reports)).toHaveLength(2);
  });

  test("with a poll it looks for more while a slow job is in hand", async () => {
    const world = new World();
    world.backlog = [item(1)];
    world.runMs = ({ id }) => (id === "job-1" ? seconds(5) : 0);
    world.clock.after(300, () => world.backlog.push(item(2)));
    await world.until(runWorkLoop(world.ports(), world.options({ budgetMs: 10_000, pollMs: 100 })));
    expect(world.started[1]?.id).toBe("job-2");
    expect(world.started[1]?.at).toBeLessThan(410);
  });
});

describe("leases", () => {
  test.each(["cancelled", "stale", "unknown"] as const)(
    "a job whose lease is %s is aborted and not reported",
    async (status) => {
      const world = new World();
      world.backlog = backlog(2);
      world.runMs = () => seconds(8);
      world.extendResult = (lease) => (lease === "lease-0" ? status : "extended");
      await world.until(runWorkLoop(world.ports(), world.options()));
      expect(world.signals.get("job-0")?.aborted).toBe(true);
      expect(world.signals.get("job-1")?.aborted).toBe(false);
      expect([...world.reported.keys()]).toEqual(["lease-1"]);
      expect(world.events).toEqual([{ event: "job-dropped", job: "job-0", reason: status }]);
    },
  );

  test("when every job in hand was cancelled it still says that it leaves", async () => {
    const world = new World();
    world.backlog = backlog(2);
    world.runMs = () => seconds(8);
    world.extendResult = () => "cancelled";
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(endedAt).toBeLessThan(5100);
    expect(world.calls.at(-1)?.request).toMatchObject({ room: { handler: 0, http: 0 }, reports: [] });
  });

  test("without heartbeats a job is aborted when its lease must have ended, for another may have it", async () => {
    const world = new World();
    world.backlog = [item(1)];
    world.runMs = () => seconds(40);
    world.extendResult = () => "throw";
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.signals.get("job-1")?.aborted).toBe(true);
    expect(world.events).toContainEqual({ event: "job-dropped", job: "job-1", reason: "lease-lost" });
    expect(world.reported.size).toBe(0);
    // The lease is counted from before the call that gave it.
    expect(world.beats.at(-1)?.at).toBeLessThan(15_000);
    expect(world.beats.length).toBeGreaterThan(5);
  });

  test("jobs of a claim whose answer took longer than the lease are not started", async () => {
    const world = new World();
    world.backlog = backlog(3);
    const ports = world.ports();
    const work: typeof ports.work = async (request) => {
      const reply = await ports.work(request);
      await world.sleep(seconds(16));
      return reply;
    };
    await world.until(runWorkLoop({ ...ports, work }, world.options()));
    expect(world.started).toEqual([]);
    expect(world.events).toContainEqual({ event: "claim-late", items: 3 });
  });
});

describe("a shard that fails", () => {
  test.each(["before", "after"] as const)(
    "an outcome whose report failed %s the shard acted is reported again",
    async (when) => {
      const world = new World();
      world.backlog = backlog(3);
      world.workFault = (call) => (call === 1 ? when : null);
      await world.until(runWorkLoop(world.ports(), world.options()));
      expect([...world.reported.keys()]).toEqual(["lease-0", "lease-1", "lease-2"]);
      const refused = world.events.filter(({ event }) => event === "report-refused");
      expect(refused).toHaveLength(when === "after" ? 3 : 0);
    },
  );

  test("a claim whose reply was lost is asked again; what it gave is left to its leases", async () => {
    const world = new World();
    world.backlog = backlog(150);
    world.workFault = (call) => (call === 0 ? "after" : null);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.started).toHaveLength(50);
    expect(world.reported.size).toBe(50);
  });

  test("it tries five times over less than a lease, then gives up", async () => {
    const world = new World();
    world.backlog = backlog(3);
    world.workFault = (call) => (call === 0 ? null : "before");
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.events.filter(({ event }) => event === "call-failed")).toHaveLength(5);
    expect(world.events).toContainEqual({ event: "gave-up", reports: 3 });
    expect(endedAt).toBeGreaterThan(3000);
    expect(endedAt).toBeLessThan(10_000);
  });

  test("after giving up it still finishes and reports what it holds", async () => {
    const world = new World();
    world.backlog = backlog(3);
    world.runMs = ({ id }) => (id === "job-0" ? seconds(12) : 0);
    world.workFault = (call) => (call >= 1 && call <= 5 ? "before" : null);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect([...world.reported.keys()]).toEqual(["lease-0"]);
    expect(world.calls.at(-1)?.request.room).toEqual({ handler: 0, http: 0 });
  });

  test("a first claim that never succeeds ends with the budget", async () => {
    const world = new World();
    world.workFault = () => "before";
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(endedAt).toBeLessThan(1000);
  });

  test("an executor that throws is a failed attempt", async () => {
    const world = new World();
    world.backlog = [item(1)];
    const ports = { ...world.ports(), execute: () => Promise.reject(new Error("boom")) };
    await world.until(runWorkLoop(ports, world.options()));
    expect(world.reported.get("lease-1")).toMatchObject({
      ok: false,
      error: { code: "executor-error", retryable: true },
    });
  });
});

describe("connections", () => {
  test("two loops of one invocation never hold more than its connections, and both get on", async () => {
    const one = new World();
    const two = new World(one.clock);
    let open = 0;
    let most = 0;
    const loops = [one, two].map((world) => {
      world.backlog = backlog(40, httpItem);
      world.runMs = () => 20;
      const ports = world.ports();
      const execute: typeof ports.execute = async (job, signal) => {
        most = Math.max(most, ++open);
        const outcome = await ports.execute(job, signal);
        open--;
        return outcome;
      };
      return runWorkLoop({ ...ports, execute }, world.options({ connections: one.connections, budgetMs: 200 }));
    });
    await one.until(Promise.all(loops).then(() => undefined));
    expect(most).toBe(6);
    for (const { reported, backlog } of [one, two]) {
      expect(reported.size).toBeGreaterThan(20);
      expect(reported.size + backlog.length).toBe(40);
    }
  });

  test("a loop that finds no connection leaves, so that the shard rings for another invocation", async () => {
    const world = new World();
    world.backlog = [httpItem(1)];
    const other = {};
    world.connections.join(other);
    world.connections.join({});
    world.connections.join({});
    for (let taken = 0; taken < 3; taken++) world.connections.take(other, () => undefined);
    const endedAt = await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls.map(({ request }) => request.room.http)).toEqual([0, 0]);
    expect(world.calls.at(-1)?.request.room.handler).toBe(0);
    expect(endedAt).toBeLessThan(10);
  });

  test("a call that fails gives back the connections it would have used", async () => {
    const world = new World();
    world.backlog = [httpItem(1)];
    world.workFault = (call) => (call === 0 ? "before" : null);
    await world.until(runWorkLoop(world.ports(), world.options()));
    expect(world.calls[0]?.request.room.http).toBe(6);
    expect(world.reported.size).toBe(1);
  });

  test("a loop that polls waits for a connection instead", async () => {
    const world = new World();
    world.backlog = [httpItem(1)];
    const other = {};
    world.connections.join(other);
    const taken = world.connections.take(other, () => undefined);
    world.clock.after(350, () => world.connections.give(taken));
    const loop = startWorkLoop(world.ports(), world.options({ pollMs: 100, budgetMs: 10_000 }));
    world.connections.leave(other);
    await world.until(loop.done);
    expect(world.started).toEqual([{ id: "job-1", at: 350 + RPC_MS }]);
    expect(loop.claiming()).toBe(false);
  });
});
