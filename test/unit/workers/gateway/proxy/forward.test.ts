import { describe, expect, test } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import type { ServiceSettings } from "../../../../../domain/service/settings.ts";
import { type ForwardPorts, forward, type ProxyRequest } from "../../../../../workers/gateway/proxy/forward.ts";
import { KnownService } from "../../../../../workers/gateway/proxy/known-service.ts";
import { instanceUrlOf, serviceReply, serviceSettings } from "../../../../rigs/service-parts.ts";

const NOW = 1_000_000;
const NEVER = new AbortController().signal;
const [A, B, C] = ["a", "b", "c"].map(instanceUrlOf) as [string, string, string];

/** What an instance does with a request: answers, breaks the connection, or says nothing. */
type Behaviour = Response | "breaks" | "hangs";

interface Rig {
  service: KnownService;
  sent: { url: string; method: string; headers: Record<string, string>; body: unknown }[];
  ports: ForwardPorts;
  cancelled: number;
}

function rig(behaviours: Behaviour[], settings: Partial<ServiceSettings> = {}): Rig {
  const wakes: (() => void)[] = [];
  const service = new KnownService(serviceReply(serviceSettings({ outlier: null, ...settings })), NOW);
  service.enter(10_000, NOW);
  const made: Rig = { service, sent: [], cancelled: 0, ports: {} as ForwardPorts };
  made.ports = {
    now: () => NOW,
    random: () => 0,
    targets: { allowPrivate: false, targetHosts: [], platformHosts: [] },
    after: (_, wake) => {
      wakes.push(wake);
      return () => void wakes.splice(wakes.indexOf(wake), 1);
    },
    fetch: async (url, { method = "", headers, body, signal }) => {
      made.sent.push({ url, method, headers: Object.fromEntries(new Headers(headers)), body });
      const behaviour = behaviours[made.sent.length - 1] ?? new Response("well");
      if (behaviour === "breaks") throw new Error("Network connection lost.");
      if (behaviour !== "hangs") return behaviour;
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
        setImmediate(() => {
          for (const wake of wakes) wake();
        });
      });
    },
  };
  return made;
}

const GET: ProxyRequest = {
  method: "GET",
  rest: "/send?x=1",
  headers: [["x-mine", "1"]],
  body: { type: "none" },
  idempotencyKey: null,
  key: null,
  deadline: NOW + 10_000,
};
const POST: ProxyRequest = {
  ...GET,
  method: "POST",
  body: { type: "whole", bytes: new Uint8Array([1, 2]), release: () => undefined },
};
const streamed = (): ProxyRequest["body"] => ({ type: "stream", source: new ReadableStream(), length: null });

async function outcome(made: Rig, request: ProxyRequest = GET, probe: { round: number } | null = null) {
  const result = await forward(request, made.service, { probe, signal: NEVER, gone: NEVER, ports: made.ports });
  return isProblem(result)
    ? { problem: result.code, to: made.sent.map(({ url }) => url) }
    : { status: result.response.status, attempts: result.attempts, to: made.sent.map(({ url }) => url) };
}

test("the path and the query go behind the URL of the instance, with the deadline", async () => {
  const made = rig([]);
  await outcome(made);
  expect(made.sent[0]).toMatchObject({
    url: `${A}/send?x=1`,
    method: "GET",
    headers: { "x-mine": "1", "dure-deadline": "1970-01-01T00:16:50.000Z" },
  });
});

describe("sent again, to another instance", () => {
  test.each([
    ["a connection that is lost", "breaks"],
    ["an answer that does not begin in time", "hangs"],
    ["502", new Response("", { status: 502 })],
    ["503", new Response("", { status: 503 })],
    ["504", new Response("", { status: 504 })],
  ] as [string, Behaviour][])("after %s", async (_what, behaviour) => {
    expect(await outcome(rig([behaviour]))).toEqual({
      status: 200,
      attempts: 2,
      to: [`${A}/send?x=1`, `${B}/send?x=1`],
    });
  });

  test("what an answer says that is not handed on is not read", async () => {
    let cancelled = false;
    const body = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    await outcome(rig([new Response(body, { status: 503 })]));
    expect(cancelled).toBe(true);
  });

  test("with the same body", async () => {
    const made = rig(["breaks"]);
    await outcome(made, { ...POST, idempotencyKey: "order-17" });
    expect(made.sent.map(({ body }) => body)).toEqual(
      [POST.body, POST.body].map((body) => (body.type === "whole" ? body.bytes : null)),
    );
  });

  test("as often as the settings say, and then what came last is the answer", async () => {
    const settings = { retry: { attempts: 3, perTryTimeoutMs: null, budgetPercent: 100 } };
    expect(await outcome(rig(["breaks", "hangs", "breaks"], settings))).toEqual({
      problem: "service-unreachable",
      to: [A, B, C].map((url) => `${url}/send?x=1`),
    });
    expect(await outcome(rig(["breaks", "breaks", "hangs"], settings))).toMatchObject({ problem: "service-timeout" });
    const busy = () => new Response("", { status: 503 });
    expect(await outcome(rig([busy(), busy(), busy()], settings))).toMatchObject({ status: 503, attempts: 3 });
  });
});

describe("not sent again", () => {
  test.each([
    ["an answer of the service itself, 500 too", [new Response("", { status: 500 })], GET],
    ["429, which it means", [new Response("", { status: 429 })], GET],
    ["a method that may not be sent twice", ["breaks"], POST],
    ["a body that is there once", ["breaks"], { ...POST, idempotencyKey: "order-17", body: streamed() }],
  ] as [string, Behaviour[], ProxyRequest][])("%s", async (_what, behaviours, request) => {
    const made = rig(behaviours);
    await outcome(made, request);
    expect(made.sent).toHaveLength(1);
  });

  test("a probe", async () => {
    const made = rig(["breaks"]);
    await outcome(made, GET, { round: 3 });
    expect(made.sent).toHaveLength(1);
    expect(made.service.report().probes).toEqual([{ round: 3, succeeded: 0, failed: 1, unused: 0, spent: 0 }]);
  });

  test("when the budget is spent", async () => {
    const made = rig([], { retry: { attempts: 2, perTryTimeoutMs: null, budgetPercent: 20 } });
    while (made.service.mayRetry(NOW));
    made.ports.fetch = async () => {
      made.sent.push({ url: "", method: "", headers: {}, body: null });
      throw new Error("Network connection lost.");
    };
    expect(await outcome(made)).toMatchObject({ problem: "service-unreachable" });
    expect(made.sent).toHaveLength(1);
  });

  test("when the whole has taken too long", async () => {
    const made = rig(["breaks"]);
    const whole = new AbortController();
    whole.abort();
    const result = await forward(GET, made.service, {
      probe: null,
      signal: whole.signal,
      gone: NEVER,
      ports: made.ports,
    });
    expect(isProblem(result)).toBe(true);
    expect(made.sent).toHaveLength(1);
  });
});

test.each([
  [200, 1, 0],
  [404, 1, 0],
  [429, 1, 0],
  [500, 0, 1],
  [501, 0, 1],
])("an answer of %i counts as %i success and %i failure of the instance", async (status, succeeded, failed) => {
  const made = rig([new Response("", { status })]);
  await outcome(made, POST);
  expect(made.service.report().reports).toMatchObject([{ url: A, succeeded, failed }]);
});

test.each(["breaks", "hangs"] as const)(
  "an instance that %s has failed, and nothing of it is under way any more",
  async (behaviour) => {
    const made = rig([behaviour], { strategy: "leastRequests" });
    await outcome(made, POST);
    expect(made.service.report().reports).toMatchObject([{ url: A, failed: 1 }]);
    expect(made.service.choose({ key: null, tried: new Set(), random: () => 0 }, NOW)?.url).toBe(A);
  },
);

describe("a caller that wants no answer any more", () => {
  /** A request that hangs at its instance until its caller wants it no more, by time or by going. */
  async function unwanted(request: ProxyRequest, probe: { round: number } | null = null) {
    const made = rig([]);
    const leaving = new AbortController();
    made.ports.fetch = (url, { signal }) => {
      made.sent.push({ url, method: request.method, headers: {}, body: null });
      setImmediate(() => leaving.abort());
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    };
    const gone = leaving.signal;
    const under: number[] = [];
    // What stands at the instance as soon as the caller has gone, before anything else has run.
    setImmediate(() =>
      gone.addEventListener("abort", () => under.push(Object.keys(made.service.underWay(NOW).inFlight).length)),
    );
    const result = await forward(request, made.service, { probe, signal: NEVER, gone, ports: made.ports });
    return { made, code: isProblem(result) && result.code, under };
  }

  test.each([
    ["GET", GET],
    ["POST", POST],
  ] as const)("%s: says nothing of the instance, and asks no other", async (_method, request) => {
    const { made, code, under } = await unwanted(request);
    expect(code).toBe("service-timeout");
    expect(made.sent).toHaveLength(1);
    expect(made.service.report().reports).toEqual([]);
    expect(under).toEqual([0]);
  });

  test("has spent its probe, once", async () => {
    const { made } = await unwanted(GET, { round: 3 });
    expect(made.service.report().probes).toEqual([{ round: 3, succeeded: 0, failed: 0, unused: 0, spent: 1 }]);
  });

  test("an answer that had begun counts all the same", async () => {
    const made = rig([new Response("well")]);
    const leaving = new AbortController();
    await forward(GET, made.service, { probe: null, signal: NEVER, gone: leaving.signal, ports: made.ports });
    expect(made.service.underWay(NOW).inFlight).toEqual({ [A]: 1 });
    leaving.abort();
    expect(made.service.underWay(NOW).inFlight).toEqual({});
    expect(made.service.report().reports).toMatchObject([{ url: A, succeeded: 1, failed: 0 }]);
  });
});

describe("an instance that is silent when all the time of the service is over", () => {
  test.each([
    ["has failed, where it had its part of it", 6_000, 1],
    ["may be well, where the caller had spent most of it on sending its body", 500, 0],
  ] as const)("%s", async (_what, ms, failed) => {
    const made = rig(["hangs"], { firstByteTimeoutMs: 10_000, timeoutMs: 20_000 });
    let now = NOW;
    made.ports.now = () => now;
    made.ports.after = () => () => undefined;
    const whole = new AbortController();
    setImmediate(() => {
      now += ms;
      whole.abort();
    });
    const result = await forward(POST, made.service, {
      probe: null,
      signal: whole.signal,
      gone: NEVER,
      ports: made.ports,
    });
    expect(isProblem(result) && result.code).toBe("service-timeout");
    expect(made.service.report().reports.reduce((sum, report) => sum + report.failed, 0)).toBe(failed);
  });
});

describe("of a body without a stated length", () => {
  const request: ProxyRequest = { ...POST, body: streamed() };

  test("an answer counts, and not how long it took", async () => {
    const made = rig([new Response("", { status: 500 })]);
    await outcome(made, request);
    expect(made.service.report().reports).toMatchObject([{ url: A, failed: 1 }]);
  });

  test("a lost connection is nobody's: the client may have gone", async () => {
    const made = rig(["breaks"]);
    expect(await outcome(made, request)).toEqual({ problem: "service-unreachable", to: [`${A}/send?x=1`] });
    expect(made.service.report().reports).toEqual([]);
  });

  test("an answer that does not begin is late when the whole has taken too long, and says nothing of the instance", async () => {
    const made = rig(["hangs"]);
    const whole = new AbortController();
    setImmediate(() => whole.abort());
    const result = await forward(request, made.service, {
      probe: null,
      signal: whole.signal,
      gone: NEVER,
      ports: made.ports,
    });
    expect(isProblem(result) && result.code).toBe("service-timeout");
    expect(made.service.report().reports).toEqual([]);
  });
});

test("an instance that may not be called any more is not, and the probe is given back", async () => {
  const made = rig([], { instances: [{ url: "http://127.0.0.1:8080", weight: 1, zone: null }] });
  expect(await outcome(made, GET, { round: 3 })).toEqual({ problem: "service-unreachable", to: [] });
  expect(made.service.report().probes).toEqual([{ round: 3, succeeded: 0, failed: 0, unused: 1, spent: 0 }]);
});
