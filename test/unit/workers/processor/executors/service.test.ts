import { describe, expect, test } from "vitest";
import type { HandedOver, Outcome } from "../../../../../contract/rpc.ts";
import type { RequestOutcome } from "../../../../../domain/service/report.ts";
import { type ServicePorts, serviceExecutor } from "../../../../../workers/processor/executors/service.ts";
import type { Acquired } from "../../../../../workers/processor/services/permit-ports.ts";
import { Stopper } from "../../../../../workers/processor/stopper.ts";
import { testTargets } from "../../../../rigs/master-key.ts";
import { item } from "../../../../rigs/scripted-shard.ts";
import { PUBLIC_TARGETS } from "../../../../rigs/target-rules.ts";

const TARGET = { type: "service", service: "mailer", path: "/send" } as const;
const INSTANCE = "https://mail-1.example.com/base";

interface Rig {
  url?: string;
  isProbe?: boolean;
  /** Of the target. */
  path?: string;
  timeoutMs?: number;
  firstByteTimeoutMs?: number;
  acquired?: Acquired;
  /** Aborted: the permit is lost. */
  lost?: AbortSignal;
  control?: Stopper;
  secrets?: ServicePorts["secrets"];
}

/** What comes of a job, what was sent, and what the permit was told. */
async function run(answer: (init: RequestInit) => Promise<Response>, rig: Rig = {}) {
  const { url = INSTANCE, timeoutMs = 60_000, firstByteTimeoutMs = 30_000, control = new Stopper() } = rig;
  const sent: string[] = [];
  const told: (RequestOutcome | "unsent" | null)[] = [];
  const settings = { timeoutMs, firstByteTimeoutMs };
  const permit = {
    url,
    settings,
    isProbe: rig.isProbe ?? false,
    signal: rig.lost ?? new AbortController().signal,
    end: (outcome: RequestOutcome | "unsent" | null) => void told.push(outcome),
  };
  const ports: ServicePorts = {
    acquire: async () => rig.acquired ?? ({ type: "permit", permit } as unknown as Acquired),
    fetch: (to, init) => {
      sent.push(to);
      return answer(init);
    },
    now: () => Date.now(),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    },
    spanId: () => "00f067aa0ba902b7",
    openTarget: testTargets(),
    secrets: rig.secrets ?? (async () => ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
    targets: PUBLIC_TARGETS,
  };
  const target = { ...TARGET, path: rig.path ?? TARGET.path };
  const outcome: Outcome | HandedOver = await serviceExecutor(ports)(item(1, { target }), target, control);
  return { outcome, sent, told };
}

/** A request that nobody answers. */
function hanging({ signal }: RequestInit): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
}

/** An answer that begins and does not end. */
async function begins({ signal }: RequestInit): Promise<Response> {
  const body = new ReadableStream({
    start: (controller) => signal?.addEventListener("abort", () => controller.error(new Error("aborted"))),
  });
  return new Response(body);
}

function answers(status: number, headers: Record<string, string> = {}): () => Promise<Response> {
  return async () => new Response(null, { status, headers });
}

describe("an instance is told of by", () => {
  test.each([
    [200, true],
    [302, true],
    [404, true],
    [429, true],
    [500, false],
    [503, false],
  ])("an answer of %i", async (status, ok) => {
    const { sent, told } = await run(answers(status));
    expect(sent).toEqual([`${INSTANCE}/send`]);
    expect(told).toEqual([{ ok, ms: expect.any(Number) }]);
  });

  test("no answer: it has failed, and says nothing of its times", async () => {
    const { outcome, told } = await run(() => Promise.reject(new Error("connection refused")));
    expect(outcome).toMatchObject({ ok: false, error: { code: "network-error", retryable: true } });
    expect(told).toEqual([{ ok: false, ms: null }]);
  });

  test("an answer that does not begin in the service's time", async () => {
    const { outcome, told } = await run(hanging, { firstByteTimeoutMs: 10 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "first-byte-timeout" } });
    expect(told).toEqual([{ ok: false, ms: null }]);
  });

  test("a request that does not end in the service's time", async () => {
    const { outcome, told } = await run(hanging, { timeoutMs: 10 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "timeout", message: "no outcome within 0.01 s" } });
    expect(told).toEqual([{ ok: false, ms: null }]);
  });

  test("an answer that begins, and does not end in the service's time", async () => {
    const { outcome, told } = await run(begins, { timeoutMs: 10 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "timeout", message: "no outcome within 0.01 s" } });
    expect(told).toEqual([{ ok: false, ms: null }]);
  });

  test("a connection that is lost before an answer, which is made once more, but not by a probe", async () => {
    const lost = () => Promise.reject(new Error("Network connection lost."));
    expect((await run(lost)).sent).toHaveLength(2);
    expect((await run(lost, { isProbe: true })).sent).toHaveLength(1);
  });

  test("nothing, where the job is cancelled or the permit is lost", async () => {
    const control = new Stopper(undefined, Date.now() + 60_000);
    setTimeout(() => control.stop(), 10);
    expect((await run(hanging, { control })).told).toEqual([null]);
    const lost = new AbortController();
    setTimeout(() => lost.abort(), 10);
    const { outcome, told } = await run(hanging, { lost: lost.signal });
    expect(outcome).toMatchObject({ ok: false, error: { code: "permit-lost", retryable: true } });
    expect(told).toEqual([null]);
  });

  test.each([
    ["nothing, where no answer had begun", hanging, { firstByteTimeoutMs: 60_000 }, null],
    ["nothing, where the whole has less time than an answer to begin", hanging, { timeoutMs: 1_000 }, null],
    ["nothing, where an answer had begun that has much longer to end", begins, { firstByteTimeoutMs: 30 }, null],
    ["a failure, where it had half of the time for an answer to begin", hanging, { firstByteTimeoutMs: 60 }, false],
    ["a failure, where it had half of the time for the whole", begins, { timeoutMs: 60 }, false],
  ] as const)("the end of the attempt: %s", async (_what, answer, settings, ok) => {
    const control = new Stopper(undefined, Date.now() + 40);
    // A timer may be a millisecond early.
    setTimeout(() => control.stop(), 45);
    const { outcome, told } = await run(answer, { control, ...settings });
    expect(outcome).toMatchObject({ ok: false, error: { code: "timeout", retryable: true } });
    expect(told).toEqual([ok === null ? null : { ok, ms: null }]);
  });

  test("that nothing was sent, where the request cannot be signed", async () => {
    const { sent, told } = await run(answers(200), { secrets: () => Promise.reject(new Error("no database")) });
    expect([sent, told]).toEqual([[], ["unsent"]]);
  });

  test("a failure, where it may not be called: nothing is sent", async () => {
    const { outcome, sent, told } = await run(answers(200), { url: "http://10.0.0.1" });
    expect(outcome).toMatchObject({ ok: false, error: { code: "target-refused", retryable: true } });
    expect([sent, told]).toEqual([[], [{ ok: false, ms: null }]]);
  });
});

describe("a job", () => {
  test("that gets no permit goes back unbegun, with what the service says", async () => {
    const refusal = { reason: "bulkhead", nextMs: 1_000, inUse: 2, limit: 2 } as const;
    const { outcome, sent } = await run(answers(200), { acquired: { type: "held", refusal } });
    const hold = { service: "mailer", refusal };
    expect(outcome).toMatchObject({ ok: false, putBack: "released", retryAfterMs: 0, hold });
    expect(sent).toEqual([]);
  });

  test("whose path leads out of the instances fails for good, and takes no permit", async () => {
    for (const path of ["/../../admin", "/%2e%2e/admin", "/..%2fadmin"]) {
      const { outcome, sent, told } = await run(answers(200), { path });
      expect(outcome).toMatchObject({ ok: false, error: { code: "target-refused", retryable: false } });
      expect([sent, told]).toEqual([[], []]);
    }
  });

  test("whose service is gone fails, and is tried again", async () => {
    const { outcome } = await run(answers(200), { acquired: { type: "unknown" } });
    expect(outcome).toMatchObject({ ok: false, error: { code: "service-not-found", retryable: true } });
  });

  test("waits as long as the answer says", async () => {
    const { outcome } = await run(answers(503, { "retry-after": "5" }));
    expect(outcome).toMatchObject({ ok: false, retryAfterMs: 5_000, putBack: "deferred" });
  });

  test("is not finished later by an answer that says so: a service has no `async`", async () => {
    const { outcome } = await run(answers(202, { "dure-async": "true" }));
    expect(outcome).toMatchObject({ ok: true, warning: { code: "async-refused" } });
  });
});
