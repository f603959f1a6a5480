import { describe, expect, test } from "vitest";
import { INVOCATION_SECONDS } from "../../../../contract/limits.ts";
import { NO_CLAIMS_MS, runWorkLoop, startWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { httpItem, item, RPC_MS, ScriptedShard, START } from "../../../rigs/scripted-shard.ts";

function backlog(count: number, make = item) {
  return Array.from({ length: count }, (_, number) => make(number));
}

const seconds = (count: number) => count * 1000;

describe("batches", () => {
  test("a backlog of jobs that finish at once costs one call for every hundred, and one to begin", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(1000);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls.map(({ request, given }) => [request.reports.length, given])).toEqual([
      [0, 100],
      ...Array.from({ length: 9 }, () => [100, 100]),
      [100, 0],
    ]);
    expect(shard.reported.size).toBe(1000);
    expect(shard.beats).toEqual([]);
  });

  test("one job costs two calls: its claim, and its report with a claim that finds nothing", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls.map(({ request }) => [request.reports.length, request.room.handler])).toEqual([
      [0, 100],
      [1, 100],
    ]);
    expect(endedAt).toBe(2 * RPC_MS);
  });

  test("a shard without work is asked once", async () => {
    const shard = new ScriptedShard();
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls).toHaveLength(1);
  });

  test("half of a batch is reported without waiting for the rest", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(10);
    shard.runMs = ({ id }) => (id < "job-5" ? 4 : 40);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls[1]?.at).toBe(RPC_MS + 4 + RPC_MS / 2);
    expect(shard.calls.map(({ request }) => request.reports.length)).toEqual([0, 5, 5]);
  });

  test("less than half waits 25 ms for company", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(10);
    shard.runMs = ({ id }) => (id < "job-3" ? 4 : 40);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls[1]?.at).toBe(RPC_MS + 4 + 25 + RPC_MS / 2);
    expect(shard.calls.map(({ request }) => request.reports.length)).toEqual([0, 3, 7]);
  });

  test("beside jobs that have taken long already a quick one is reported at once", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(4);
    shard.runMs = ({ id }) => (id === "job-9" ? 4 : seconds(3));
    shard.comes(100, item(9));
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    const endedAt = (shard.started.find(({ id }) => id === "job-9")?.at ?? Number.NaN) + 4;
    expect(shard.calls.find(({ request }) => request.reports.length > 0)?.at).toBe(endedAt + RPC_MS / 2);
  });

  test("who looks while a call is under way that brings something is told so", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = ({ id }) => (id === "job-1" ? seconds(3) : 0);
    const loop = startWorkLoop(shard.ports(), shard.options());
    const told: (boolean | undefined)[] = [];
    shard.comes(40, item(2));
    // The call that finds it is under way from the 50th millisecond to the 52nd.
    shard.clock.after(51, () => void loop.look?.().then((came) => told.push(came)));
    await shard.until(loop.done);
    expect(told).toEqual([true]);
    expect(shard.calls[1]?.given).toBe(1);
  });

  test("beside jobs that take long it looks for more, less and less often, until its budget is over", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(3);
    shard.runMs = () => seconds(3);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    const looks = shard.calls.slice(1, -1).map(({ at }) => Math.round(at / 50) * 50);
    expect(looks).toEqual([50, 100, 200, 400]);
  });

  test("what comes behind a job that takes long is begun beside it", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = ({ id }) => (id === "job-1" ? seconds(3) : 0);
    shard.comes(110, item(2));
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.started.find(({ id }) => id === "job-2")?.at).toBeLessThan(220);
  });

  test("room is the capacity less what is in hand", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [...backlog(30), ...backlog(4, (number) => httpItem(100 + number))];
    shard.runMs = ({ id }) => (id === "job-0" || id === "job-100" ? 100 : 0);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls[0]?.request.room).toEqual({ handler: 100, http: 6 });
    expect(shard.calls[1]?.request.room).toEqual({ handler: 99, http: 5 });
  });

  test("results too large for one call together are reported in several", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(4);
    const result = "x".repeat(3 * 1024 * 1024);
    const ports = { ...shard.ports(), execute: async () => ({ ok: true, result, resultTruncated: false }) as const };
    await shard.until(runWorkLoop(ports, shard.options()));
    expect(shard.calls.map(({ request }) => request.reports.length)).toEqual([0, 2, 2]);
  });
});

describe("time", () => {
  test("out of budget it claims no more, finishes what it holds, and leaves with no room", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(20_000);
    shard.runMs = () => 10;
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    const last = shard.calls.at(-1);
    expect(last?.request.room).toEqual({ handler: 0, http: 0 });
    expect(last?.request.reports).toHaveLength(100);
    expect(shard.calls.filter(({ request }) => request.room.handler === 0)).toHaveLength(1);
    expect(shard.reported.size).toBe(shard.started.length);
    expect(endedAt).toBeGreaterThan(750);
    expect(endedAt).toBeLessThan(800);
  });

  test("a slow job keeps its lease by a heartbeat every five seconds, one call for all in hand", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(3);
    shard.runMs = () => seconds(22);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.beats.map(({ at, leases }) => [at, leases.length])).toEqual([
      [5000, 3],
      [10_000, 3],
      [15_000, 3],
      [20_000, 3],
    ]);
    expect(shard.calls.at(-1)?.request).toMatchObject({ room: { handler: 0, http: 0 }, reports: [{}, {}, {}] });
  });

  test("an attempt that outlasts its timeout fails with `timeout`, is aborted, and is not heard again", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1, { timeoutMs: 3000 }), item(2)];
    shard.runMs = ({ id }) => (id === "job-1" ? seconds(10) : seconds(12));
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.reported.get("lease-1")).toMatchObject({ ok: false, error: { code: "timeout", retryable: true } });
    expect(shard.reported.get("lease-2")).toMatchObject({ ok: true });
    expect(shard.signals.get("job-1")?.aborted).toBe(true);
    expect(shard.events).toEqual([]);
    expect(shard.calls.flatMap(({ request }) => request.reports)).toHaveLength(2);
  });

  test("with a poll it looks for more while a slow job is in hand", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = ({ id }) => (id === "job-1" ? seconds(5) : 0);
    shard.clock.after(300, () => shard.backlog.push(item(2)));
    await shard.until(runWorkLoop(shard.ports(), shard.options({ budgetMs: 10_000, pollMs: 100 })));
    expect(shard.started[1]?.id).toBe("job-2");
    expect(shard.started[1]?.at).toBeLessThan(410);
  });
});

/** Cloudflare ends it after 15 minutes; what is not told by then costs each job an attempt and the rest of its lease. */
describe("the end of the invocation", () => {
  const END = seconds(INVOCATION_SECONDS);

  async function invocation(jobs: { at: number; timeoutMs: number; runMs: number }[]) {
    const shard = new ScriptedShard();
    const endsAt = START + END;
    shard.runMs = ({ id }) => jobs[Number(id.slice(4))]?.runMs ?? 0;
    const loops = jobs.map(async ({ at, timeoutMs }, i) => {
      await shard.sleep(at);
      shard.backlog.push(item(i, { timeoutMs }));
      await runWorkLoop(shard.ports(), shard.options({ endsAt }));
    });
    const endedAt = await shard.until(Promise.all(loops).then(() => undefined));
    return { shard, endedAt, outcomes: jobs.map((_, i) => shard.reported.get(`lease-${i}`)) };
  }

  test("gives back what it cuts short, without an attempt being spent, and tells it in time", async () => {
    const { shard, endedAt, outcomes } = await invocation([{ at: seconds(60), timeoutMs: END, runMs: END }]);
    const message = "the invocation of the processor that ran it has come to its end";
    expect(outcomes).toEqual([
      { ok: false, error: { code: "released", message, retryable: true }, retryAfterMs: 0, putBack: "released" },
    ]);
    expect(shard.signals.get("job-0")?.aborted).toBe(true);
    expect(endedAt).toBe(END + RPC_MS);
  });

  test("fails what has had as much of one as there is: no other has more", async () => {
    const jobs = [0, 29, 31].map((at) => ({ at: seconds(at), timeoutMs: seconds(900), runMs: seconds(900) }));
    const { outcomes } = await invocation(jobs);
    expect(outcomes.map((outcome) => outcome?.ok === false && outcome.error.code)).toEqual([
      "timeout",
      "timeout",
      "released",
    ]);
    expect(outcomes[0]).not.toHaveProperty("putBack");
  });

  test("is no end of time for those whose own ends before, or that are done", async () => {
    const { outcomes } = await invocation([
      { at: seconds(700), timeoutMs: seconds(100), runMs: seconds(900) },
      { at: seconds(700), timeoutMs: seconds(900), runMs: seconds(169) },
    ]);
    expect(outcomes).toMatchObject([{ error: { code: "timeout", message: "no outcome within 100 s" } }, { ok: true }]);
  });

  test("is not claimed for in its last minute, and somebody else is rung for", async () => {
    const { shard, outcomes } = await invocation([
      { at: END - NO_CLAIMS_MS - seconds(1), timeoutMs: seconds(60), runMs: seconds(59) },
      { at: END - NO_CLAIMS_MS + 1, timeoutMs: seconds(60), runMs: 0 },
    ]);
    expect(outcomes).toMatchObject([{ ok: true }, undefined]);
    expect(shard.calls.at(-1)?.request.room).toEqual({ handler: 0, http: 0 });
  });
});

describe("leases", () => {
  test.each(["cancelled", "stale", "unknown"] as const)(
    "a job whose lease is %s is aborted and not reported",
    async (status) => {
      const shard = new ScriptedShard();
      shard.backlog = backlog(2);
      shard.runMs = () => seconds(8);
      shard.extendResult = (lease) => (lease === "lease-0" ? status : "extended");
      await shard.until(runWorkLoop(shard.ports(), shard.options()));
      expect(shard.signals.get("job-0")?.aborted).toBe(true);
      expect(shard.signals.get("job-1")?.aborted).toBe(false);
      expect([...shard.reported.keys()]).toEqual(["lease-1"]);
      expect(shard.events).toEqual([{ event: "job-dropped", job: "job-0", reason: status }]);
    },
  );

  test("when every job in hand was cancelled it still says that it leaves", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(2);
    shard.runMs = () => seconds(8);
    shard.extendResult = () => "cancelled";
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(endedAt).toBeLessThan(5100);
    expect(shard.calls.at(-1)?.request).toMatchObject({ room: { handler: 0, http: 0 }, reports: [] });
  });

  test("without heartbeats a job is aborted when its lease must have ended, for another may have it", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    shard.runMs = () => seconds(40);
    shard.extendResult = () => "throw";
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.signals.get("job-1")?.aborted).toBe(true);
    expect(shard.events).toContainEqual({ event: "job-dropped", job: "job-1", reason: "lease-lost" });
    expect(shard.reported.size).toBe(0);
    // The lease is counted from before the call that gave it.
    expect(shard.beats.at(-1)?.at).toBeLessThan(15_000);
    expect(shard.beats.length).toBeGreaterThan(5);
  });

  test("jobs of a claim whose answer took longer than the lease are not started", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(3);
    const ports = shard.ports();
    const work: typeof ports.work = async (request) => {
      const reply = await ports.work(request);
      await shard.sleep(seconds(16));
      return reply;
    };
    await shard.until(runWorkLoop({ ...ports, work }, shard.options()));
    expect(shard.started).toEqual([]);
    expect(shard.events).toContainEqual({ event: "claim-late", items: 3 });
  });
});

describe("a shard that fails", () => {
  test.each(["before", "after"] as const)(
    "an outcome whose report failed %s the shard acted is reported again",
    async (when) => {
      const shard = new ScriptedShard();
      shard.backlog = backlog(3);
      shard.workFault = (call) => (call === 1 ? when : null);
      await shard.until(runWorkLoop(shard.ports(), shard.options()));
      expect([...shard.reported.keys()]).toEqual(["lease-0", "lease-1", "lease-2"]);
      const refused = shard.events.filter(({ event }) => event === "report-refused");
      expect(refused).toHaveLength(when === "after" ? 3 : 0);
    },
  );

  test("a claim whose reply was lost is asked again; what it gave is left to its leases", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(150);
    shard.workFault = (call) => (call === 0 ? "after" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.started).toHaveLength(50);
    expect(shard.reported.size).toBe(50);
  });

  test("it tries five times over less than a lease, then gives up", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(3);
    shard.workFault = (call) => (call === 0 ? null : "before");
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.events.filter(({ event }) => event === "call-failed")).toHaveLength(5);
    expect(shard.events).toContainEqual({ event: "gave-up", reports: 3 });
    expect(endedAt).toBeGreaterThan(3000);
    expect(endedAt).toBeLessThan(10_000);
  });

  test("after giving up it still finishes and reports what it holds", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(3);
    shard.runMs = ({ id }) => (id === "job-0" ? seconds(12) : 0);
    shard.workFault = (call) => (call >= 1 && call <= 5 ? "before" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect([...shard.reported.keys()]).toEqual(["lease-0"]);
    expect(shard.calls.at(-1)?.request.room).toEqual({ handler: 0, http: 0 });
  });

  test("a first claim that never succeeds ends with the budget", async () => {
    const shard = new ScriptedShard();
    shard.workFault = () => "before";
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(endedAt).toBeLessThan(1000);
  });

  test("an executor that throws is a failed attempt", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1)];
    const ports = { ...shard.ports(), execute: () => Promise.reject(new Error("boom")) };
    await shard.until(runWorkLoop(ports, shard.options()));
    expect(shard.reported.get("lease-1")).toMatchObject({
      ok: false,
      error: { code: "executor-error", retryable: true },
    });
  });
});

describe("connections", () => {
  test("two loops of one invocation never hold more than its connections, and both get on", async () => {
    const one = new ScriptedShard();
    const two = new ScriptedShard(one.clock);
    let open = 0;
    let most = 0;
    const loops = [one, two].map((shard) => {
      shard.backlog = backlog(40, httpItem);
      shard.runMs = () => 20;
      const ports = shard.ports();
      const execute: typeof ports.execute = async (job, signal) => {
        most = Math.max(most, ++open);
        const outcome = await ports.execute(job, signal);
        open--;
        return outcome;
      };
      return runWorkLoop({ ...ports, execute }, shard.options({ connections: one.connections, budgetMs: 200 }));
    });
    await one.until(Promise.all(loops).then(() => undefined));
    expect(most).toBe(6);
    for (const { reported, backlog } of [one, two]) {
      expect(reported.size).toBeGreaterThan(20);
      expect(reported.size + backlog.length).toBe(40);
    }
  });

  test("a loop that finds no connection leaves, so that the shard rings for another invocation", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1)];
    const other = {};
    shard.connections.join(other);
    shard.connections.join({});
    shard.connections.join({});
    for (let taken = 0; taken < 3; taken++) shard.connections.take(other, () => undefined);
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls.map(({ request }) => request.room.http)).toEqual([0, 0]);
    expect(shard.calls.at(-1)?.request.room.handler).toBe(0);
    expect(endedAt).toBeLessThan(10);
  });

  test("a call that fails gives back the connections it would have used", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1)];
    shard.workFault = (call) => (call === 0 ? "before" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.calls[0]?.request.room.http).toBe(6);
    expect(shard.reported.size).toBe(1);
  });

  test("a loop that polls waits for a connection instead", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1)];
    const other = {};
    shard.connections.join(other);
    const taken = shard.connections.take(other, () => undefined);
    shard.clock.after(350, () => shard.connections.give(taken));
    const loop = startWorkLoop(shard.ports(), shard.options({ pollMs: 100, budgetMs: 10_000 }));
    shard.connections.leave(other);
    await shard.until(loop.done);
    expect(shard.started).toEqual([{ id: "job-1", at: 350 + RPC_MS }]);
    expect(loop.claiming()).toBe(false);
  });
});

describe("a job that is handed over", () => {
  const later = () => ({ ok: null }) as const;

  test("is reported like an outcome, and then no heartbeat extends it", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1)];
    shard.outcome = later;
    const endedAt = await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect([...shard.reported.values()]).toEqual([{ ok: null }]);
    expect(shard.beats).toEqual([]);
    expect(endedAt).toBe(2 * RPC_MS);
  });

  test("leaves its room and its connection to the next one at once", async () => {
    const shard = new ScriptedShard();
    shard.backlog = backlog(20, httpItem);
    shard.outcome = later;
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect(shard.started.map(({ at }) => Math.floor(at / RPC_MS))).toEqual(
      Array.from({ length: 20 }, (_, i) => Math.floor(i / 6)).map((call) => call + 1),
    );
  });

  test("is told again where the call that told it was lost", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1)];
    shard.outcome = later;
    shard.workFault = (call) => (call === 1 ? "before" : null);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    expect([...shard.reported.values()]).toEqual([{ ok: null }]);
  });

  test("may take longer than any that stays: that one ends with the invocation", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [httpItem(1, { timeoutMs: seconds(24 * 3600) })];
    shard.runMs = () => seconds(3000);
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    const message = "no outcome within the 14 minutes that the processor has for a job";
    expect([...shard.reported.values()]).toMatchObject([{ ok: false, error: { code: "timeout", message } }]);
  });
});
