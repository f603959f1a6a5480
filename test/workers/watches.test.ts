import {
  createExecutionContext,
  evictDurableObject,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { ClaimView } from "../../contract/pull.ts";
import { DISPLACED, LOOK, LOOK_NOW, NO_PLACE, openingRequest, RPC_VERSION, WAIT_ON } from "../../contract/rpc.ts";
import { LongPolls } from "../../durable-objects/shard/kernel/long-poll.ts";
import { Watches } from "../../durable-objects/shard/kernel/watches.ts";
import { ENOUGH } from "../../workers/gateway/routing/waiting-claims.ts";
import gateway from "../limits/gateway.ts";
import { answerOf, claim, getJob, must, newQueue, request, shard, shardOf, sleep, submit, succeed } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { replaced } from "./faults.ts";

/** Requests that wait have a watch at each shard, which outlives the object's memory. */

let queue = "";
let home = "";

beforeEach(async () => {
  queue = await newQueue({ partitions: 1, retry: { delay: 0 } });
  home = shardOf((await submit({ queue })).id);
  await claim(queue);
});
afterEach(resetClock);

/** How many watches the shard holds. */
function held(): Promise<number> {
  return runInDurableObject(shard(home), (_, state) => state.getWebSockets().length);
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const endsAt = Date.now() + 20_000; !(await condition()); await sleep(20)) {
    if (Date.now() > endsAt) throw new Error(`not within twenty seconds: ${what}`);
  }
}

/** A gateway with caches of its own, and what it asks of shards, by the name of the call. */
function countedGateway(onCall: (name: string) => void = () => undefined) {
  const asked: string[] = [];
  const stub = (name: string) =>
    new Proxy(env.SHARD.getByName(name), {
      get(real, key) {
        const value: unknown = Reflect.get(real, key);
        if (typeof value !== "function" || typeof key === "symbol") return value;
        return async (...args: unknown[]) => {
          asked.push(key);
          const answer: unknown = await Reflect.apply(value, real, args);
          onCall(key);
          return answer;
        };
      },
    });
  const bindings = { ...env, SHARD: replaced(env.SHARD, { getByName: stub }) };
  const context = createExecutionContext();
  const send = (sent: Request) => gateway.fetch(sent, bindings, context);
  return { asked, send, done: () => waitOnExecutionContext(context) };
}

function claiming(wait: number, signal?: AbortSignal): Request {
  const plain = request("POST", `/v1/queues/${queue}/claim`, { body: { wait, max: 1 } });
  return signal === undefined ? plain : new Request(plain, { signal });
}

describe("a claim that waits", () => {
  test("asks each shard once and holds no call; where nothing was found it begins with its wait", async () => {
    const { asked, send } = countedGateway();
    const waits = async () => (await answerOf<ClaimView>(await send(claiming(0.5)))).body.jobs;
    expect(await waits()).toEqual([]);
    expect(asked.splice(0)).toEqual(["claim", "fetch"]);
    expect(await waits()).toEqual([]);
    expect(asked.splice(0)).toEqual(["fetch"]);
    await until(async () => (await held()) === 0, "the watches have closed");
    // What has come meanwhile is found at once.
    await submit({ queue });
    expect(await waits()).toHaveLength(1);
    expect(asked.splice(0)).toEqual(["fetch", "claim"]);
  });

  test("is given what comes while its shard is out of memory", async () => {
    const waiting = claim(queue, { wait: 15, max: 1 });
    await until(async () => (await held()) === 1, "it waits");
    await evictDurableObject(shard(home));
    expect(await held()).toBe(1);
    await evictDurableObject(shard(home));
    const { id } = await submit({ queue });
    expect((await waiting).map((job) => job.id)).toEqual([id]);
    await until(async () => (await held()) === 0, "its watch has closed");
  });

  test("is given what becomes due while its shard is out of memory", async () => {
    const { id } = await submit({ queue, delay: 1 });
    const waiting = claim(queue, { wait: 15, max: 1 });
    await until(async () => (await held()) === 1, "it waits");
    await evictDurableObject(shard(home));
    expect((await waiting).map((job) => job.id)).toEqual([id]);
  });

  test("is given what comes after its shard has died", async () => {
    const waiting = claim(queue, { wait: 15, max: 1 });
    await until(async () => (await held()) === 1, "it waits");
    await runInDurableObject(shard(home), (_, state) => state.abort("the test")).catch(() => undefined);
    await until(async () => (await held()) === 1, "it waits again");
    const { id } = await submit({ queue });
    expect((await waiting).map((job) => job.id)).toEqual([id]);
  });

  test("whose client has gone gives its place back, and is given nothing", async () => {
    const { asked, send } = countedGateway();
    const gone = new AbortController();
    const [told, untold] = await Promise.all([send(claiming(15, gone.signal)), send(claiming(15))]);
    await until(async () => (await held()) === 2, "both wait");
    gone.abort();
    await until(async () => (await held()) === 1, "the one that said so has left");
    await untold.body?.cancel();
    // Nobody says so: the next write of its answer fails.
    await until(async () => (await held()) === 0, "the other has left");
    const { id } = await submit({ queue });
    await sleep(100);
    expect(await getJob(id)).toMatchObject({ state: "queued" });
    expect(asked.filter((name) => name === "claim").length).toBeLessThanOrEqual(2);
    await told.body?.cancel();
  });

  test("whose client goes as it claims gives the jobs back, and they lose no attempt", async () => {
    const gone = new AbortController();
    let armed = false;
    const { send, done } = countedGateway((name) => {
      if (armed && name === "claim") gone.abort();
    });
    const answer = await send(claiming(15, gone.signal));
    await until(async () => (await held()) === 1, "it waits");
    armed = true;
    const { id } = await submit({ queue });
    expect(await answerOf<ClaimView>(answer)).toMatchObject({ body: { jobs: [] } });
    await done();
    expect(await getJob(id)).toMatchObject({ state: "queued", attempt: 0, delivery: 1 });
  });

  test("finds jobs also where its shard is of a version that knows no watch", async () => {
    const old = (name: string) =>
      replaced(env.SHARD.getByName(name), {
        fetch: () => {
          throw new TypeError("Handler does not export a fetch() function.");
        },
      });
    const bindings = { ...env, SHARD: replaced(env.SHARD, { getByName: old }) };
    const answer = await gateway.fetch(claiming(10), bindings, createExecutionContext());
    const waiting = answerOf<ClaimView>(answer);
    await sleep(200);
    const { id } = await submit({ queue });
    expect((await waiting).body.jobs.map((job) => job.id)).toEqual([id]);
  });

  test("of many that wait one is told of one job, and all of them leave", async () => {
    const counted = countedGateway();
    const sent = await Promise.all(Array.from({ length: 150 }, () => counted.send(claiming(10))));
    const waiting = sent.map((one) => answerOf<ClaimView>(one));
    await until(async () => (await held()) === ENOUGH, "some watch");
    await evictDurableObject(shard(home));
    const before = counted.asked.filter((name) => name === "claim").length;
    const ids = [(await submit({ queue })).id, (await submit({ queue })).id];
    const answers = await Promise.all(waiting);
    const given = counted.asked.filter((name) => name === "claim").length - before;
    expect(given).toBeGreaterThanOrEqual(2);
    // More are told the longer those take who were told first: never all.
    expect(given).toBeLessThan(75);
    expect(answers.flatMap(({ body }) => body.jobs.map(({ id }) => id)).toSorted()).toEqual(ids.toSorted());
    await until(async () => (await held()) === 0, "all have left");
  });
});

describe("a read that waits for the end of a job", () => {
  const waiting = (id: string, wait: number) =>
    must<JobView>("GET", `/v1/jobs/${id}`, { headers: { prefer: `wait=${wait}` } });

  test("is answered at its end, also when its shard was out of memory or has died meanwhile", async () => {
    for (const ends of [
      () => evictDurableObject(shard(home)),
      () => runInDurableObject(shard(home), (_, state) => state.abort("the test")).catch(() => undefined),
    ]) {
      const { id } = await submit({ queue });
      const [job] = await claim(queue);
      const read = waiting(id, 15);
      await until(async () => (await held()) === 1, "it waits");
      await ends();
      await until(async () => (await held()) === 1, "it waits still, or again");
      expect((await succeed(job?.lease ?? "")).status).toBe(200);
      expect(await read).toMatchObject({ state: "succeeded" });
      await until(async () => (await held()) === 0, "its watch has closed");
    }
  });

  test("asks twice and watches once for as long as it waits, and is answered as it is then", async () => {
    const { id } = await submit({ queue });
    await claim(queue);
    const { asked, send } = countedGateway();
    const headers = { prefer: "wait=2" };
    const began = Date.now();
    const { body } = await answerOf<JobView>(await send(request("GET", `/v1/jobs/${id}`, { headers })));
    expect(body.state).toBe("running");
    expect(Date.now() - began).toBeGreaterThan(1_900);
    expect(asked).toEqual(["get", "fetch", "get"]);
  });

  test("of a job that ends soon asks once", async () => {
    const { asked, send } = countedGateway();
    const once = async () => {
      asked.length = 0;
      const { id } = await submit({ queue });
      const [job] = await claim(queue);
      const read = send(request("GET", `/v1/jobs/${id}`, { headers: { prefer: "wait=10" } }));
      await until(async () => asked.length > 0, "it has asked");
      await succeed(job?.lease ?? "");
      expect(await answerOf(await read)).toMatchObject({ body: { state: "succeeded" } });
      expect(asked).toEqual(["get"]);
    };
    // Soon is a fifth of a second, which the machine may take for itself.
    await vi.waitFor(once, { timeout: 20_000 });
  });
});

describe("a watch of a shard", () => {
  const opening = (waitMs = 60_000) =>
    openingRequest({
      v: RPC_VERSION,
      epoch: 1,
      watched: { for: "work", namespace: "default", queue },
      waitMs,
    });

  /** Opens watches and hears them, in `heard` where others are heard too. */
  async function open(count: number, heard: { socket: WebSocket; said: unknown }[] = []) {
    const sockets: WebSocket[] = [];
    while (sockets.length < count) {
      const { webSocket } = await shard(home).fetch(...opening());
      if (webSocket === null) throw new Error("no watch was opened");
      const hear = (said: unknown) => void heard.push({ socket: webSocket, said });
      webSocket.addEventListener("message", ({ data }) => hear(data));
      webSocket.addEventListener("close", ({ code }) => hear(code));
      webSocket.accept();
      sockets.push(webSocket);
    }
    return { heard, sockets };
  }

  test("with 2,000 open ones a job tells one, then more while nobody takes it, and none when it is taken", async () => {
    const { heard, sockets } = await open(1_999);
    // The order of those of one millisecond is nobody's promise.
    await sleep(5);
    const [last] = (await open(1, heard)).sockets;
    await evictDurableObject(shard(home));
    await submit({ queue });
    // Nobody looks: as if all of them were gone.
    await until(async () => heard.length > 60, "more and more are told");
    expect(heard[0]?.socket).toBe(last);
    expect(heard.every(({ said }) => said === LOOK)).toBe(true);
    expect(await claim(queue)).toHaveLength(1);
    await sleep(100);
    const told = heard.length;
    await sleep(200);
    expect(heard.length).toBe(told);
    for (const socket of [...sockets, last]) socket?.close();
    await until(async () => (await held()) === 0, "all have closed");
  });

  test("is told again when it waits on, at once where there is something", async () => {
    const { heard, sockets } = await open(1);
    const [socket] = sockets;
    await submit({ queue });
    await until(async () => heard.length === 1, "it is told");
    socket?.send(WAIT_ON);
    await until(async () => heard.length === 2, "it is told at once");
    await claim(queue);
    socket?.send(WAIT_ON);
    await sleep(100);
    expect(heard).toHaveLength(2);
    // Said twice it waits once.
    socket?.send(WAIT_ON);
    await sleep(100);
    await submit({ queue });
    await until(async () => heard.length === 3, "it is told of the next");
    await sleep(100);
    expect(heard).toHaveLength(3);
    socket?.close();
  });

  test("is not opened where there is something, nor for anything else", async () => {
    await submit({ queue });
    expect((await shard(home).fetch(...opening())).status).toBe(LOOK_NOW);
    expect((await shard(home).fetch("https://shard/", { headers: { upgrade: "websocket" } })).status).toBe(404);
    expect(await held()).toBe(0);
  });

  test("whose gateway ended without a word gives its place back when its time is over", async () => {
    await open(2);
    passTime(60_000 + 31_000);
    await open(1);
    await until(async () => (await held()) === 1, "two have ended");
  });

  /** Watches of a shard's own sockets, in lines of their own, for something that is never there. */
  function watchesOf(state: DurableObjectState, polls: LongPolls, most?: number) {
    const sockets: WebSocket[] = [];
    const watches = new Watches({
      sockets: {
        getWebSockets: () => [],
        acceptWebSocket: (socket) => {
          sockets.push(socket);
          state.acceptWebSocket(socket);
        },
      },
      polls,
      now: () => Date.now(),
      isThere: () => false,
      awaits: () => ({ key: "key", group: "group" }),
      ...(most === undefined ? {} : { most }),
    });
    const watched = { for: "end", namespace: "default", id: "none" } as const;
    return { watches, sockets, open: () => watches.open({ v: 1, epoch: 1, watched, waitMs: 1_000 }) };
  }

  test("that cannot be told any more stops nobody who wakes it, and is forgotten", async () => {
    const sizes = await runInDurableObject(shard(home), (_, state) => {
      const polls = new LongPolls();
      const { watches, sockets, open: one } = watchesOf(state, polls);
      for (const { webSocket } of [one(), one()]) webSocket?.accept();
      sockets[1]?.close();
      polls.wake("key");
      return [watches.size, polls.size];
    });
    expect(sizes).toEqual([1, 0]);
  });

  test("gives its place to a newer one of its namespace", async () => {
    const found = await runInDurableObject(shard(home), async (_, state) => {
      const polls = new LongPolls(2);
      const { watches, open: one } = watchesOf(state, polls);
      const heard: unknown[] = [];
      for (const [i, { webSocket }] of [one(), one(), one(), one()].entries()) {
        webSocket?.addEventListener("close", ({ code }) => void heard.push([i, code]));
        webSocket?.accept();
      }
      await sleep(50);
      return { heard, size: watches.size, waiting: polls.size };
    });
    expect(found).toEqual({
      heard: [
        [0, DISPLACED],
        [1, DISPLACED],
      ],
      size: 2,
      waiting: 2,
    });
  });

  test("is refused where the object holds all it can", async () => {
    const statuses = await runInDurableObject(shard(home), (_, state) => {
      const { open: one } = watchesOf(state, new LongPolls(), 1);
      return [one(), one()].map(({ status }) => status);
    });
    expect(statuses).toEqual([101, NO_PLACE]);
  });
});
