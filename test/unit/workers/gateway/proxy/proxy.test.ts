import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import type { ServiceObserveReply, ServiceObserveRequest } from "../../../../../contract/rpc/service.ts";
import type { ServiceSettings } from "../../../../../domain/service/settings.ts";
import { KeptBodies } from "../../../../../workers/gateway/proxy/kept-bodies.ts";
import { ObservedServices } from "../../../../../workers/gateway/proxy/observed-services.ts";
import { type ProxyCall, type ProxyPorts, proxy } from "../../../../../workers/gateway/proxy/proxy.ts";
import { instanceUrlOf, serviceReply, serviceSettings } from "../../../../rigs/service-parts.ts";

const START = 1_000_000;
const A = instanceUrlOf("a");
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => vi.useFakeTimers({ now: START }));
afterEach(() => vi.useRealTimers());

/** A service whose instances answer after so long, or never. */
function rig(answersAfterMs: number | null, more: Partial<ServiceSettings> = {}, probes = 0) {
  const settings = serviceSettings({ instances: [{ url: A, weight: 1, zone: null }], ...more });
  const told: ServiceObserveRequest[] = [];
  const sent: AbortSignal[] = [];
  let unread = 0;
  let said: ServiceObserveReply | "nothing" | null = null;
  let asAsked: () => void = () => undefined;
  const body = () =>
    new ReadableStream({
      cancel: () => {
        unread++;
      },
    });
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const services = new ObservedServices({
    holder: "isolate-1",
    now: () => Date.now(),
    sleep,
    find: async () => (said !== null && said !== "nothing" && said.type === "unknown" ? null : settings),
    object: () => ({
      configure: async () => null,
      observe: async (request) => {
        told.push(request);
        asAsked();
        if (said === "nothing") throw new Error("away");
        if (said !== null) return said;
        if (probes === 0) return serviceReply(settings);
        const grant = told.length === 1 ? { probes: { count: probes, leaseMs: 30_000 } } : {};
        return serviceReply(settings, { breaker: { state: "halfOpen", nextProbeMs: null, round: 7 }, ...grant });
      },
    }),
  });
  const ports: ProxyPorts = {
    services,
    kept: new KeptBodies(),
    random: () => 0,
    targets: { allowPrivate: false, targetHosts: [], platformHosts: [] },
    now: () => Date.now(),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    },
    fetch: (_, { signal }) =>
      new Promise((resolve, reject) => {
        if (signal == null) throw new Error("without a signal");
        sent.push(signal);
        signal.addEventListener("abort", () => reject(new Error("aborted")));
        if (answersAfterMs !== null) setTimeout(() => resolve(new Response(body())), answersAfterMs);
      }),
  };
  const send = ({ left = new AbortController().signal, deadline = null, headBytes = 500 }: Partial<ProxyCall> = {}) => {
    const call: ProxyCall = {
      namespace: "default",
      service: "mailer",
      headBytes,
      deadline,
      left,
      later: () => undefined,
      request: async () => ({
        method: "GET",
        rest: "/x",
        headers: [],
        body: { type: "none" },
        idempotencyKey: null,
        key: null,
      }),
    };
    return proxy(call, ports).then((result) => {
      if (isProblem(result)) return result.code;
      result.end();
      return result.response.status;
    });
  };
  /** What is under way, and what the service's object is told of its instances. */
  const state = async () => {
    const observed = await services.get("default", "mailer", () => undefined);
    if (isProblem(observed)) throw new Error(observed.code);
    const { requests, inFlight } = observed.service.underWay(Date.now());
    const waiting = observed.room.waiting(Date.now());
    const all = [...told, observed.service.report()];
    const reports = all.flatMap((one) => one.reports);
    return { requests, inFlight, waiting, reports };
  };
  /** What the service's object has been told of probes. */
  const probed = () => told.flatMap((one) => one.probes ?? []);
  /** What the service's object says from now on. */
  const say = (reply: ServiceObserveReply | "nothing") => {
    said = reply;
  };
  /** Done each time that the object is asked. */
  const whenAsked = (work: () => void) => {
    asAsked = work;
  };
  return { send, state, sent, told, say, whenAsked, settings, probed, unread: () => unread };
}

describe("a caller's own deadline", () => {
  test.each([15, 900])("of %i ms says nothing of an instance that is quick enough for the service", async (ms) => {
    const { send, state, sent } = rig(950);
    for (let i = 0; i < 40; i++) {
      const answer = send({ deadline: Date.now() + ms });
      await pass(ms);
      expect(await answer).toBe("service-timeout");
    }
    expect(sent).toHaveLength(40);
    expect(await state()).toEqual({ requests: 0, inFlight: {}, waiting: 0, reports: [] });
    const other = send();
    await pass(1_000);
    expect(await other).toBe(200);
  });

  test.each([
    ["the time for an answer to begin", { firstByteTimeoutMs: 1_000 }],
    ["the time for one try", { retry: { attempts: 1, perTryTimeoutMs: 500, budgetPercent: 20 } }],
    ["the time for all of it", { timeoutMs: 800, firstByteTimeoutMs: 10_000 }],
  ] as [string, Partial<ServiceSettings>][])("hides no instance that lets %s pass", async (_what, settings) => {
    const { send, state } = rig(null, {
      retry: { attempts: 1, perTryTimeoutMs: null, budgetPercent: 20 },
      ...settings,
    });
    const answer = send({ deadline: Date.now() + 5_000 });
    await pass(1_500);
    expect(await answer).toBe("service-timeout");
    expect((await state()).reports).toMatchObject([{ url: A, succeeded: 0, failed: 1 }]);
  });
});

test.each([
  ["passes while it stands in the line: no answer came in time", 400, "service-timeout"],
  ["is later than its patience in the line: the service is full", 5_000, "service-full"],
])("a caller whose own deadline %s", async (_what, ms, expected) => {
  const { send, sent } = rig(null, { bulkhead: { maxInFlight: 1, maxWaiting: 5 }, firstByteTimeoutMs: 1_000 });
  // It has the room for two tries.
  const first = send();
  await pass(10);
  const second = send({ deadline: Date.now() + ms });
  await pass(1_200);
  expect(await second).toBe(expected);
  await pass(5_000);
  await first;
  expect(sent).toHaveLength(2);
});

describe("a client that leaves before its answer has begun", () => {
  test("gives its request up at the instance at once, which is not sent again, and frees its place", async () => {
    const { send, state, sent } = rig(null, {
      instances: ["a", "b"].map((name) => ({ url: instanceUrlOf(name), weight: 1, zone: null })),
    });
    const leaving = new AbortController();
    const answer = send({ left: leaving.signal });
    await pass(100);
    expect(await state()).toMatchObject({ requests: 1, inFlight: { [A]: 1 } });
    leaving.abort();
    expect(sent[0]?.aborted).toBe(true);
    expect(await state()).toEqual({ requests: 0, inFlight: {}, waiting: 0, reports: [] });
    await answer;
    await pass(5_000);
    expect(sent).toHaveLength(1);
  });

  test("leaves the line, so that those behind it go on", async () => {
    const { send, state, sent } = rig(500, { bulkhead: { maxInFlight: 1, maxWaiting: 50 }, firstByteTimeoutMs: 8_000 });
    const leaving = new AbortController();
    const gone = Array.from({ length: 10 }, () => send({ left: leaving.signal }));
    await pass(100);
    expect(await state()).toMatchObject({ requests: 1, waiting: 9 });
    leaving.abort();
    expect(await state()).toMatchObject({ requests: 0, waiting: 0, reports: [] });
    const next = send();
    await pass(600);
    expect(await next).toBe(200);
    await Promise.all(gone);
    expect(sent).toHaveLength(2);
  });

  test("is sent nowhere when it had left before", async () => {
    const { send, sent } = rig(0);
    await send({ left: AbortSignal.abort() });
    expect(sent).toHaveLength(0);
  });
});

describe("who waits in the line, while nobody else comes,", () => {
  const FULL = { bulkhead: { maxInFlight: 1, maxWaiting: 5 }, timeoutMs: 20_000, firstByteTimeoutMs: 8_000 };
  /** One that is under way for all the time there is, and three that wait. */
  const waiting = async () => {
    const all = rig(null, { ...FULL, retry: { attempts: 1, perTryTimeoutMs: null, budgetPercent: 20 } });
    void all.send();
    await pass(10);
    const answers = [all.send(), all.send(), all.send()];
    await pass(10);
    expect(await all.state()).toMatchObject({ requests: 1, waiting: 3 });
    return { ...all, answers };
  };

  test("is refused once the breaker has opened, and is sent nowhere", async () => {
    const { answers, sent, say, settings } = await waiting();
    say(serviceReply(settings, { breaker: { state: "open", nextProbeMs: 5_000, round: 1 } }));
    await pass(1_200);
    expect(await Promise.all(answers)).toEqual(["service-open", "service-open", "service-open"]);
    expect(sent).toHaveLength(1);
  });

  test("is sent as a probe, where the breaker gives one by then", async () => {
    const { answers, sent, say, settings, state, probed } = await waiting();
    const breaker = { state: "halfOpen", nextProbeMs: null, round: 2 } as const;
    const more = { breaker, share: 10, probes: { count: 1, leaseMs: 30_000 } };
    say(serviceReply({ ...settings, bulkhead: { maxInFlight: 10, maxWaiting: 5 } }, more));
    await pass(1_200);
    say(serviceReply(settings, { breaker }));
    expect(sent).toHaveLength(2);
    expect(await Promise.all(answers.slice(1))).toEqual(["service-open", "service-open"]);
    expect(await state()).toMatchObject({ requests: 2, waiting: 0 });
    await pass(9_000);
    expect(await answers[0]).toBe("service-timeout");
    await state();
    await pass(100);
    expect(probed()).toMatchObject([{ round: 2, failed: 1 }]);
  });

  test("is sent once there is room by a limit that was raised", async () => {
    const { sent, say, settings } = await waiting();
    say(serviceReply({ ...settings, version: 2, bulkhead: { maxInFlight: 3, maxWaiting: 5 } }));
    await pass(1_200);
    expect(sent).toHaveLength(3);
  });

  test("finds no service any more that was deleted, and is sent nowhere", async () => {
    const { answers, sent, say } = await waiting();
    say({ type: "unknown" });
    await pass(1_200);
    expect(await Promise.all(answers)).toEqual(["service-not-found", "service-not-found", "service-not-found"]);
    expect(sent).toHaveLength(1);
  });

  test("waits no longer in all where it is a probe by then", async () => {
    const { answers, sent, say, settings } = await waiting();
    await pass(4_000);
    const breaker = { state: "halfOpen", nextProbeMs: null, round: 2 } as const;
    say(serviceReply(settings, { breaker, share: 1, probes: { count: 3, leaseMs: 30_000 } }));
    await pass(3_900);
    expect(sent).toHaveLength(1);
    await pass(200);
    expect(await answers[2]).toBe("service-full");
  });

  test("waits no longer where the clock steps back as the breaker changes", async () => {
    const { answers, say, whenAsked, settings } = await waiting();
    const breaker = { state: "halfOpen", nextProbeMs: null, round: 2 } as const;
    say(serviceReply(settings, { breaker, share: 1, probes: { count: 3, leaseMs: 30_000 } }));
    whenAsked(() => {
      whenAsked(() => undefined);
      vi.setSystemTime(Date.now() - 3_600_000);
    });
    const told: unknown[] = [];
    for (const answer of answers) void answer.then((code) => told.push(code));
    await pass(9_000);
    expect(told).toHaveLength(answers.length);
  });

  test("asks the object once a second, also where that does not answer", async () => {
    const { told, say } = await waiting();
    say("nothing");
    const before = told.length;
    await pass(5_000);
    expect(told.length - before).toBeGreaterThan(3);
    expect(told.length - before).toBeLessThan(7);
  });
});

describe("a probe of a breaker that is half open", () => {
  test("goes on when its caller's own deadline has passed, and tells what became of it", async () => {
    const { send, state, sent, probed, unread } = rig(900, {}, 2);
    const answers: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      const answer = send({ deadline: Date.now() + 60 });
      await pass(60);
      answers.push(await answer);
    }
    // Each caller has its answer at its own deadline, and no more are sent than may be.
    expect(answers.slice(0, 2)).toEqual(["service-timeout", "service-timeout"]);
    expect(new Set(answers.slice(2))).toEqual(new Set(["service-open"]));
    expect(sent).toHaveLength(2);
    expect(await state()).toMatchObject({ requests: 2, inFlight: { [A]: 2 } });
    await pass(3_000);
    expect(await state()).toMatchObject({ requests: 0, inFlight: {}, reports: [{ url: A, succeeded: 2, failed: 0 }] });
    await send();
    expect(probed()).toEqual([{ round: 7, succeeded: 2, failed: 0, unused: 0, spent: 0 }]);
    expect(unread()).toBe(2);
  });

  test("fails when no answer begins in the time of the service, however soon its client has left", async () => {
    const { send, state, sent, probed } = rig(null, {}, 1);
    const leaving = new AbortController();
    const answer = send({ left: leaving.signal });
    await pass(50);
    leaving.abort();
    expect(await answer).toBe("service-timeout");
    expect(sent[0]?.aborted).toBe(false);
    await pass(2_500);
    expect(sent[0]?.aborted).toBe(true);
    expect(await state()).toMatchObject({ requests: 0, inFlight: {}, reports: [{ url: A, succeeded: 0, failed: 1 }] });
    await send();
    expect(probed()).toEqual([{ round: 7, succeeded: 0, failed: 1, unused: 0, spent: 0 }]);
  });

  test("whose caller is there for its answer is answered", async () => {
    const { send, state, unread } = rig(300, {}, 1);
    const answer = send();
    await pass(300);
    expect(await answer).toBe(200);
    expect([(await state()).requests, unread()]).toEqual([0, 0]);
  });
});

describe("a head that a server might not take", () => {
  const withPath = (url: string) => ({ instances: [A, url].map((one) => ({ url: one, weight: 1, zone: null })) });
  test.each([
    ["as large as it may be", {}, 15_360, 200],
    ["larger than that", {}, 15_361, "head-too-large"],
    ["as large as it may be before the path of an instance", withPath(`${A}/${"a".repeat(999)}`), 14_360, 200],
    ["larger with the longest path of an instance", withPath(`${A}/${"a".repeat(999)}`), 14_361, "head-too-large"],
    ["with the path of an instance as it is sent", withPath(`${A}/${"%C3%A9".repeat(200)}`), 14_160, "head-too-large"],
  ] as const)("%s", async (_what, settings, headBytes, expected) => {
    const { send, sent } = rig(5, settings);
    const answer = send({ headBytes });
    await pass(10);
    expect(await answer).toBe(expected);
    expect(sent).toHaveLength(expected === 200 ? 1 : 0);
  });
});
