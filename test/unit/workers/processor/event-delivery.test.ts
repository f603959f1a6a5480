import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, test } from "vitest";
import { EventView, ScheduleEventView } from "../../../../contract/event.ts";
import type { DeliverReply, DeliverRequest, EventPage } from "../../../../contract/rpc.ts";
import {
  type AnyEvent,
  eventId,
  idOfEvent,
  type LifecycleEvent,
  type ScheduleEvent,
} from "../../../../domain/subscription.ts";
import { Connections } from "../../../../workers/processor/connections.ts";
import { startDelivery } from "../../../../workers/processor/events/delivery.ts";
import type {
  DeliveryEvent,
  DeliveryOutcome,
  DeliveryPorts,
  SubscriptionTo,
} from "../../../../workers/processor/events/delivery-ports.ts";
import {
  httpSubscriber,
  POST_TIMEOUT_MS,
  type SubscriberPorts,
} from "../../../../workers/processor/events/http-subscriber.ts";
import { queueSubscriber } from "../../../../workers/processor/events/queue-subscriber.ts";
import { sendPage } from "../../../../workers/processor/events/send-page.ts";
import { settle } from "../../../rigs/client-fakes.ts";
import { testTargets } from "../../../rigs/master-key.ts";
import { START } from "../../../rigs/shard-harness.ts";
import { ofJob, subscriptionOf } from "../../../rigs/subscription-harness.ts";
import { ANY_TARGET, listedTargets, PUBLIC_TARGETS } from "../../../rigs/target-rules.ts";

const SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_dGhlIHByZXZpb3VzIHNlY3JldCwgMjQ="];

/** The `version`-th event of a job named by a letter. */
function event(letter: string, version: number, over: Partial<LifecycleEvent["job"]> = {}): LifecycleEvent {
  const job = {
    id: `job_01m825nw6sfa783g4mjr80jzk${letter}`,
    queue: "q",
    state: "queued" as const,
    version,
    attempt: 0,
    orderingKey: null,
    tags: [],
    error: null,
    ...over,
  };
  return { type: "job.accepted", at: START, job };
}

/** A schedule's event, named by a letter. */
function missed(letter: string, name = "nightly"): ScheduleEvent {
  const run = { id: `job_01m825nw6sfa783g4mjr80jzk${letter}`, name, queue: "q", scheduledAt: START - 60_000 };
  return { type: "schedule.missed", at: START, schedule: { ...run, count: 3, reason: "Late." } };
}

const TOLD = event("a", 1, { tags: ["ü"] });

const short = ({ job }: LifecycleEvent) => `${job.id.at(-1)}${job.version}`;

function httpTo(url: string, headers: Record<string, string> = {}): SubscriptionTo<"http"> {
  return { ...subscriptionOf(), target: { type: "http", url, headers } };
}

function pageOf(events: AnyEvent[], subscription = httpTo("https://a.example")): EventPage {
  return { feed: 1, upTo: 99, leaseMs: 30_000, subscription, events };
}

/** A receiver that answers when the test says so, and a clock that is parked. */
class Receiver {
  readonly begun: string[] = [];
  readonly logged: DeliveryEvent[] = [];
  readonly ports: DeliveryPorts;
  now = START;
  #open = new Map<string, (told: DeliveryOutcome) => void>();
  #timers: { at: number; wake: () => void }[] = [];

  constructor(deliver: DeliveryPorts["deliver"] = async () => ({ type: "events", page: null, more: false })) {
    this.ports = {
      deliver,
      post: (_, told) => {
        this.begun.push(short(ofJob(told)));
        return new Promise((resolve) => this.#open.set(short(ofJob(told)), resolve));
      },
      enqueue: async (_, events) => ({ sent: events.length, failure: null }),
      now: () => this.now,
      after: (ms, wake) => {
        const timer = { at: this.now + ms, wake };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
      log: (said) => this.logged.push(said),
    };
  }

  async answer(what: string, told: DeliveryOutcome = { type: "delivered" }): Promise<void> {
    this.#open.get(what)?.(told);
    await settle();
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { wake } of due) wake();
    await settle();
  }
}

const FAILED: DeliveryOutcome = { type: "failed", code: "http-503", message: "no", retryAfterMs: 7 };

function send(receiver: Receiver, page: EventPage, connections = new Connections(6)) {
  return sendPage(page, { ports: receiver.ports, connections, askedAt: receiver.now });
}

describe("a page", () => {
  test("is sent one event of a job after another, those of different jobs side by side", async () => {
    const receiver = new Receiver();
    const events = [event("a", 1), event("a", 2), event("b", 1), event("a", 3), event("b", 2)];
    const report = send(receiver, pageOf(events));
    await settle();
    expect(receiver.begun).toEqual(["a1", "b1"]);
    await receiver.answer("b1");
    expect(receiver.begun).toEqual(["a1", "b1", "b2"]);
    await receiver.answer("a1");
    await receiver.answer("a2");
    expect(receiver.begun).toEqual(["a1", "b1", "b2", "a2", "a3"]);
    await receiver.answer("b2");
    await receiver.answer("a3");
    expect((await report).delivered.toSorted()).toEqual(events.map(({ job }) => eventId(job)).toSorted());
    expect(await report).toMatchObject({ feed: 1, upTo: 99, version: 1, refused: [], failure: null });
  });

  test("the events of one schedule follow each other, those of others do not wait", async () => {
    const begun: string[] = [];
    const open: (() => void)[] = [];
    const receiver = new Receiver();
    receiver.ports.post = (_, told) => {
      begun.push(idOfEvent(told).slice(-8));
      return new Promise((resolve) => open.push(() => resolve({ type: "delivered" })));
    };
    const events = [missed("a"), missed("b"), missed("c", "weekly")];
    const report = send(receiver, pageOf(events));
    await settle();
    expect(begun).toEqual(["a_missed", "c_missed"]);
    while (open.length > 0) {
      open.shift()?.();
      await settle();
    }
    expect((await report).delivered.toSorted()).toEqual(events.map(idOfEvent));
  });

  test("has six events on their way at most, and fewer where others need the connections", async () => {
    const jobs = [..."abcdefghjk"].map((letter) => event(letter, 1));
    const alone = new Receiver();
    void send(alone, pageOf(jobs), new Connections(1000));
    const shared = new Receiver();
    const connections = new Connections(6);
    connections.join({});
    void send(shared, pageOf(jobs), connections);
    await settle();
    expect([alone.begun.length, shared.begun.length]).toEqual([6, 3]);
  });

  test("ends at the first failure: nothing more is begun, what is on its way is told", async () => {
    const receiver = new Receiver();
    const report = send(receiver, pageOf([event("a", 1), event("b", 1), event("a", 2), event("b", 2)]));
    await settle();
    await receiver.answer("a1", FAILED);
    await receiver.answer("b1");
    expect(receiver.begun).toEqual(["a1", "b1"]);
    expect(await report).toMatchObject({
      delivered: [eventId(event("b", 1).job)],
      failure: { code: "http-503", message: "no", retryAfterMs: 7 },
    });
    expect(receiver.logged).toMatchObject([{ event: "delivery-failed", subscription: "all", code: "http-503" }]);
  });

  test("goes on past an event that the receiver refuses", async () => {
    const receiver = new Receiver();
    const report = send(receiver, pageOf([event("a", 1), event("a", 2)]));
    await settle();
    await receiver.answer("a1", { ...FAILED, type: "refused", code: "http-410" });
    await receiver.answer("a2");
    expect(await report).toMatchObject({
      delivered: [eventId(event("a", 2).job)],
      refused: [eventId(event("a", 1).job)],
      refusal: { code: "http-410" },
      failure: null,
    });
  });

  test("begins nothing when half of its lease is over", async () => {
    const receiver = new Receiver();
    const report = send(receiver, pageOf([event("a", 1), event("a", 2)]));
    await settle();
    await receiver.pass(15_000);
    await receiver.answer("a1");
    expect(await report).toMatchObject({ delivered: [eventId(event("a", 1).job)], failure: null });
    expect(receiver.begun).toEqual(["a1"]);
  });

  test("waits for a connection, and not for longer than it has", async () => {
    const connections = new Connections(1);
    const other = {};
    connections.join(other);
    expect(connections.take(other, () => undefined)).toBe(1);
    const [patient, late] = [new Receiver(), new Receiver()];
    const reports = [
      send(patient, pageOf([event("a", 1)]), connections),
      send(late, pageOf([event("b", 1)]), connections),
    ];
    await settle();
    await late.pass(15_000);
    connections.give(1);
    await settle();
    await patient.answer("a1");
    const [first, second] = await Promise.all(reports);
    expect([first?.delivered.length, second?.delivered.length, second?.failure]).toEqual([1, 0, null]);
    connections.leave(other);
    expect(connections.take(other, () => undefined)).toBe(1);
  });
});

describe("a delivery", () => {
  /** A shard that hands out these pages, one a call. */
  function shardOf(pages: (EventPage | null)[], more = false) {
    const asked: DeliverRequest[] = [];
    const deliver = async (request: DeliverRequest): Promise<DeliverReply> => {
      asked.push(request);
      const page = request.limit === 0 ? null : (pages.shift() ?? null);
      return { type: "events", page, more: more && pages.length > 0 };
    };
    return { asked, deliver };
  }

  function start(receiver: Receiver, deliver: DeliveryPorts["deliver"], budgetMs = 5_000) {
    const options = { worker: "w", budgetMs, connections: new Connections(6) };
    return startDelivery({ ...receiver.ports, deliver }, options);
  }

  test("reports each page as it asks for the next, until there is none", async () => {
    const receiver = new Receiver();
    const shard = shardOf([pageOf([event("a", 1)]), pageOf([event("b", 1)])]);
    const delivery = start(receiver, shard.deliver);
    await settle();
    await receiver.answer("a1");
    await receiver.answer("b1");
    await delivery.done;
    expect(shard.asked.map(({ report }) => report?.delivered ?? null)).toEqual([
      null,
      [eventId(event("a", 1).job)],
      [eventId(event("b", 1).job)],
    ]);
  });

  test("serves feeds side by side, each under a name of its own, six at most", async () => {
    const receiver = new Receiver();
    const shard = shardOf(
      [..."abcdefgh"].map((letter) => pageOf([event(letter, 1)])),
      true,
    );
    const delivery = start(receiver, shard.deliver);
    await settle();
    expect(new Set(shard.asked.map(({ worker }) => worker)).size).toBe(6);
    for (const letter of "abcdefgh") await receiver.answer(`${letter}1`);
    await delivery.done;
    expect(receiver.begun.toSorted()).toEqual([..."abcdefgh"].map((letter) => `${letter}1`));
  });

  test("asks for no more when its time is spent", async () => {
    const receiver = new Receiver();
    const shard = shardOf([pageOf([event("a", 1)]), pageOf([event("b", 1)])]);
    const delivery = start(receiver, shard.deliver);
    await settle();
    await receiver.pass(5_000);
    await receiver.answer("a1");
    await delivery.done;
    expect(shard.asked.map(({ limit }) => limit)).toEqual([100, 0]);
    expect(receiver.begun).toEqual(["a1"]);
  });

  test("tries a lost report again, and gives up after three times", async () => {
    const receiver = new Receiver();
    let calls = 0;
    const delivery = start(receiver, async () => {
      calls += 1;
      throw new Error("Network connection lost.");
    });
    for (let i = 0; i < 4; i++) await receiver.pass(1_000);
    await delivery.done;
    expect(calls).toBe(3);
    expect(receiver.logged).toEqual([{ event: "report-lost", error: "Error: Network connection lost" }]);
  });
});

describe("an HTTP subscriber", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function listen(status: number, headers: Record<string, string> = {}, answers = true) {
    const seen: { headers: Record<string, string>; body: string }[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        seen.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() });
        if (answers) response.writeHead(status, headers).end("text");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
  }

  function post(subscription: SubscriptionTo<"http">, over: Partial<SubscriberPorts> = {}, sent: AnyEvent = TOLD) {
    return httpSubscriber({
      fetch: (url, init) => fetch(url, init),
      now: () => Date.now(),
      after: () => () => undefined,
      spanId: () => "00f067aa0ba902b7",
      openTarget: testTargets(),
      secrets: async () => SECRETS,
      targets: ANY_TARGET,
      timeout: (ms) => AbortSignal.timeout(ms),
      ...over,
    })(subscription, sent);
  }

  test("gets what became of a schedule in the same way", async () => {
    const { url, seen } = await listen(204);
    expect(await post(httpTo(url), {}, missed("z"))).toEqual({ type: "delivered" });
    const [got] = seen;
    if (got === undefined) throw new Error("nothing came");
    for (const secret of SECRETS) new Webhook(secret).verify(got.body, got.headers);
    expect(ScheduleEventView.parse(JSON.parse(got.body))).toMatchObject({
      id: "evt_01m825nw6sfa783g4mjr80jzkz_missed",
      type: "schedule.missed",
      schedule: { name: "nightly", namespace: "default", queue: "q", count: 3, reason: "Late." },
    });
    expect(got.headers).toMatchObject({
      "webhook-id": "evt_01m825nw6sfa783g4mjr80jzkz_missed",
      "dure-event": "schedule.missed",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-00f067aa0ba902b7-01$/),
    });
  });

  test("gets a message that each secret of the namespace verifies", async () => {
    const { url, seen } = await listen(204);
    expect(await post(httpTo(url))).toEqual({ type: "delivered" });
    const [got] = seen;
    if (got === undefined) throw new Error("nothing came");
    for (const secret of SECRETS) new Webhook(secret).verify(got.body, got.headers);
    const view = EventView.parse(JSON.parse(got.body));
    expect(view).toMatchObject({ id: eventId(event("a", 1).job), job: { tags: ["ü"] } });
    expect(got.headers["webhook-id"]).toBe(view.id);
    expect(got.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-00f067aa0ba902b7-01$/);
  });

  test.each([
    [500, {}, { type: "failed", code: "http-500", retryAfterMs: null }],
    [503, { "retry-after": "120" }, { type: "failed", code: "http-503", retryAfterMs: 120_000 }],
    [301, { location: "http://127.0.0.1:1/" }, { type: "failed", code: "http-301" }],
    [410, {}, { type: "refused", code: "http-410" }],
    [422, { "dure-retry": "no" }, { type: "refused", code: "http-422" }],
    [200, { "dure-retry": "no" }, { type: "delivered" }],
  ])("that answers %i %j: %j", async (status, headers, expected) => {
    const { url } = await listen(status, headers as Record<string, string>);
    expect(await post(httpTo(url))).toMatchObject(expected);
  });

  test("that does not answer in time failed", async () => {
    const { url } = await listen(200, {}, false);
    let asked = 0;
    const timeout = (ms: number) => {
      asked = ms;
      return AbortSignal.timeout(50);
    };
    expect(await post(httpTo(url), { timeout })).toMatchObject({ type: "failed", code: "timeout" });
    expect(asked).toBe(POST_TIMEOUT_MS);
  });

  test.each([
    ["cannot be reached", "http://127.0.0.1:1/", {}, "network-error"],
    ["is no host that may be called", "https://a.example/", { targets: listedTargets("b.example") }, "target-refused"],
    ["is in a private network", "http://127.0.0.1:1/", { targets: PUBLIC_TARGETS }, "target-refused"],
    [
      "could not verify, because there is no secret to be had",
      "http://127.0.0.1:1/",
      { secrets: () => Promise.reject(new Error("D1 is down")) },
      "secret-unavailable",
    ],
  ])("that %s failed", async (_, url, over, code) => {
    expect(await post(httpTo(url), over)).toMatchObject({ type: "failed", code });
  });

  test("cannot replace what Dure says by headers of its own", async () => {
    const { url, seen } = await listen(204);
    await post(httpTo(url, { "Webhook-Id": "mine", "X-Own": "yes", Forwarded: "for=10.0.0.1" }));
    expect(seen[0]?.headers).not.toHaveProperty("forwarded");
    expect(seen[0]?.headers).toMatchObject({ "webhook-id": eventId(event("a", 1).job), "x-own": "yes" });
  });
});

describe("a Queue as subscriber", () => {
  const out: SubscriptionTo<"queue"> = { ...subscriptionOf(), target: { type: "queue", binding: "OUT" } };

  test("gets the events of schedules among those of jobs", async () => {
    const bodies: object[] = [];
    const sendBatch = async (messages: { body: object }[]) => void bodies.push(...messages.map(({ body }) => body));
    const events = [event("a", 1), missed("z"), missed("y", "weekly")];
    expect(await queueSubscriber({ OUT: { sendBatch } })(out, events)).toEqual({ sent: 3, failure: null });
    expect(bodies.map((body) => ("job" in body ? "job" : ScheduleEventView.parse(body).schedule.name))).toEqual([
      "job",
      "nightly",
      "weekly",
    ]);
  });

  test("gets the events in order, in batches that Cloudflare takes", async () => {
    const calls: { body: EventView }[][] = [];
    const sendBatch = async (messages: { body: EventView }[]) => void calls.push(messages);
    const long = { code: "x", message: "m".repeat(4000), retryable: false };
    const events = Array.from({ length: 250 }, (_, i) => event("a", i + 1, { error: i < 120 ? long : null }));
    expect(await queueSubscriber({ OUT: { sendBatch } })(out, events)).toEqual({ sent: 250, failure: null });
    expect(calls.flat().map(({ body }) => body.job.version)).toEqual(events.map(({ job }) => job.version));
    for (const call of calls) {
      expect(call.length).toBeLessThanOrEqual(100);
      expect(JSON.stringify(call).length).toBeLessThan(256_000);
    }
  });

  test("that fails in between says how far it came", async () => {
    let calls = 0;
    const sendBatch = async () => {
      calls += 1;
      if (calls === 2) throw new Error("Queue sendBatch failed: Too Many Requests");
    };
    const events = Array.from({ length: 250 }, (_, i) => event("a", i + 1));
    expect(await queueSubscriber({ OUT: { sendBatch } })(out, events)).toEqual({
      sent: 100,
      failure: { code: "queue-error", message: "Error: Queue sendBatch failed: Too Many Requests", retryAfterMs: null },
    });
  });

  test.each([[{}], [{ OUT: "text" }], [{ OUT: null }], [{ OUT: { getByName: 1, sendBatch: () => null } }]])(
    "is none where the bindings are %j",
    async (bindings) => {
      expect((await queueSubscriber(bindings)(out, [event("a", 1)])).failure?.code).toBe("binding-not-found");
    },
  );
});
