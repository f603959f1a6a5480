import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { IngestMessage } from "../../contract/ingest.ts";
import type { JobListView, JobView } from "../../contract/job.ts";
import {
  call,
  claim,
  claimOne,
  existingAnywhere,
  freshName,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  ROOT,
  shards,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { brokenDatabase, replaced } from "./faults.ts";
import { awayShards, consume, deadLetters } from "./ingest.ts";
import { project } from "./processor.ts";

const MINUTE = 60_000;
const DONE = { acked: 1, retryMessages: [] };

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ retention: 60 });
  await env.DB.prepare("DELETE FROM dead_letters").run();
});
afterEach(resetClock);

const jobsOf = async (name = queue, key = ROOT) =>
  (await must<JobListView>("GET", `/v1/jobs?queue=${name}&include=payload&limit=200`, { key })).items;
const order = (n: number, over = {}): IngestMessage => ({
  type: "submit",
  job: { queue, payload: { order: n }, ...over },
});

describe("a message of another Worker", () => {
  test("names the trace of its jobs; one that is none is ignored, and its jobs are accepted", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const batch: IngestMessage = { type: "submitBatch", traceparent, jobs: [{ queue, payload: { order: 2 } }] };
    const messages = [{ ...order(1), traceparent }, batch, { ...order(3), traceparent: "none" }, order(4)];
    for (const message of messages) expect(await consume([message])).toMatchObject(DONE);
    const traces = (await jobsOf()).map((job) => [(job.payload as { order: number }).order, job.traceparent]);
    expect(traces.sort()).toEqual([
      [1, traceparent],
      [2, traceparent],
      [3, null],
      [4, null],
    ]);
  });

  test("is a job of the default namespace, which runs", async () => {
    expect(await consume([order(1, { tags: ["t"], priority: 7 })])).toMatchObject(DONE);
    const [job] = await jobsOf();
    expect(job).toMatchObject({ namespace: "default", payload: { order: 1 }, tags: ["t"], priority: 7 });
    const claimed = await claimOne(queue);
    expect(claimed.id).toBe(job?.id);
    await succeed(claimed.lease, "ok");
    expect((await jobsOf())[0]?.state).toBe("succeeded");
  });

  test("is the same job however often it comes", async () => {
    const ids = [freshName("message")];
    for (const attempts of [1, 2]) await consume([order(1)], { ids, attempts });
    await consume([order(1)]);
    expect((await jobsOf()).map(({ payload }) => payload)).toEqual([{ order: 1 }, { order: 1 }]);
  });

  test("is a job of the namespace that it names", async () => {
    const namespace = await makeNamespace(freshName("ns"));
    const key = (await makeKey(["admin"], namespace)).key;
    await putQueue("orders", {}, key);
    await consume([{ type: "submit", namespace, job: { queue: "orders", payload: 1 } }]);
    expect(await jobsOf("orders", key)).toHaveLength(1);
  });

  test("with a key is a job of the key's namespace", async () => {
    const namespace = await makeNamespace(freshName("ns"));
    const admin = (await makeKey(["admin"], namespace)).key;
    const { key } = await makeKey(["submit"], namespace);
    await putQueue("orders", {}, admin);
    await consume([
      { type: "submit", key, job: { queue: "orders", payload: 1 } },
      { type: "submit", key, namespace, job: { queue: "orders", payload: 2 } },
      { type: "submit", key: ROOT, namespace, job: { queue: "orders", payload: 3 } },
    ]);
    expect((await jobsOf("orders", admin)).map(({ payload }) => payload).sort()).toEqual([1, 2, 3]);
    expect(await deadLetters()).toEqual([]);
  });

  test("of many jobs is all of them", async () => {
    const jobs = Array.from({ length: 50 }, (_, i) => ({ queue, payload: i }));
    expect(await consume([{ type: "submitBatch", jobs }])).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(50);
  });

  test("comes after another that cannot be read, which takes nobody along", async () => {
    const bodies = ["garbage", null, 7, { type: "submit" }, order(1), { type: "other", job: {} }, order(2)];
    expect(await consume(bodies)).toMatchObject({ acked: bodies.length, retryMessages: [] });
    expect(await jobsOf()).toHaveLength(2);
    expect(await deadLetters()).toHaveLength(5);
  });
});

const DEEP = /^invalid-request: .*\/job\/payload payload nests deeper than 512 levels/;

/** `levels` of arrays, each in the next. */
function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

test("a dead letter is kept for 30 days, and then deleted by the cron, however many there are", async () => {
  const day = 24 * 60 * MINUTE;
  const letter = env.DB.prepare("INSERT INTO dead_letters VALUES (?1, 'q', ?2, 'why', 'what')");
  const old = Array.from({ length: 1_200 }, (_, i) => letter.bind(`old-${i}`, Date.now() - 30 * day - 1 - i));
  await env.DB.batch([...old, letter.bind("young", Date.now() - 30 * day + MINUTE)]);
  await runCron();
  expect((await deadLetters()).map(({ id }) => id)).toEqual(["young"]);
});

describe("a dead letter says why", () => {
  const cases: [string, () => unknown, RegExp][] = [
    ["no payload", () => ({ type: "submit", job: {} }), /^invalid-request: .*\/job\/payload /],
    [
      "a field too many",
      () => ({ type: "submit", job: { payload: 1, what: 1 }, more: 1 }),
      /^invalid-request: .*\/more `more` is no member of the request/,
    ],
    ["another type", () => ({ type: "other" }), /^invalid-request: .*\/type /],
    ["two faults", () => order(1, { priority: 99, delay: -1 }), /\/job\/priority .*\/job\/delay /],
    ["an unknown queue", () => ({ type: "submit", job: { queue: "none", payload: 1 } }), /^queue-not-found: /],
    ["an unknown namespace", () => ({ ...order(1), namespace: "none" }), /^namespace-not-found: /],
    ["a bad key", () => ({ ...order(1), key: "dure_00000_aaaaaaaaaaaaaaaaaaaaaaaaaa" }), /^unauthorized: /],
    ["an expired job", () => order(1, { expiresAt: "2020-01-01T00:00:00Z" }), /^invalid-request: .*\/job\/expiresAt /],
    ["a payload that nests too deep", () => order(1, { payload: nested(550), idempotencyKey: "deep" }), DEEP],
    [
      "a payload that nests deeper yet",
      () => order(1, { payload: nested(3000) }),
      /^invalid-request: .*\/job\/payload/,
    ],
    [
      "one that is no JSON",
      () => order(1, { payload: 1n }),
      /^invalid-request: .*\/job\/payload payload is not a JSON value\./,
    ],
    [
      "a batch of a key that nests too deep",
      () => ({ type: "submitBatch", idempotencyKey: "deep", jobs: [{ queue, payload: nested(550) }] }),
      /^invalid-request: .*\/jobs jobs nests deeper than 512 levels/,
    ],
    ["an empty batch", () => ({ type: "submitBatch", jobs: [] }), /^invalid-request: .*\/jobs /],
  ];

  test.each(cases)("of a message with %s", async (_, body, reason) => {
    expect(await consume([body()], { ids: ["bad"] })).toMatchObject(DONE);
    const [letter, ...others] = await deadLetters();
    expect(letter?.id).toBe("bad");
    expect(letter?.reason).toMatch(reason);
    expect(others).toEqual([]);
    expect(await jobsOf()).toEqual([]);
  });

  test.each([
    ["a map", new Map([["a", 1]]), "/job/payload payload"],
    ["a date in a list", [new Date(0)], "/job/payload/0 payload[0]"],
    ["NaN", { n: Number.NaN }, "/job/payload/n n"],
    ["a number that JSON has no word for", 1n, "/job/payload payload"],
  ])("of what JSON cannot say (%s)", async (_, payload, place) => {
    expect(await consume([{ type: "submit", job: { queue, payload } }])).toMatchObject(DONE);
    const [letter] = await deadLetters();
    expect(letter?.reason).toContain(`${place} is not a JSON value.`);
    expect(await jobsOf()).toEqual([]);
  });

  test("of each bad job of a large batch, with few statements", async () => {
    const jobs = Array.from({ length: 700 }, (_, i) => ({ queue, payload: i, delay: -1 }));
    let statements = 0;
    const counting = replaced(env.DB, {
      prepare: (text: string) => {
        statements += 1;
        return env.DB.prepare(text);
      },
    });
    expect(await consume([{ type: "submitBatch", jobs }], { bindings: { ...env, DB: counting } })).toMatchObject(DONE);
    expect(await deadLetters()).toHaveLength(700);
    expect(statements).toBeLessThan(20);
  });

  test("of a key that may not submit, or not there, without the key's secret", async () => {
    const { key } = await makeKey(["read"]);
    const namespace = await makeNamespace(freshName("ns"));
    const { key: theirs } = await makeKey(["submit"], namespace);
    await consume([
      { ...order(1), key },
      { ...order(2), key: theirs, namespace: "default" },
    ]);
    const letters = await deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^forbidden: /),
      expect.stringMatching(/^forbidden: /),
    ]);
    for (const secret of [key, theirs]) expect(JSON.stringify(letters)).not.toContain(secret);
    expect(await jobsOf()).toEqual([]);
  });

  test.each(["my_secret_x", "short", "s", "pass,word;{}", "a\\b", "geheim-größe"])(
    "without the secret of a root key that is %s",
    async (secret) => {
      const key = `dure_root_${secret}`;
      await consume([{ ...order(1), key, namespace: "default", job: { queue, payload: `\n${key} ${key}` } }]);
      const [letter] = await deadLetters();
      const redacted = "dure_root_…";
      expect(JSON.parse(letter?.body ?? "")).toEqual({
        type: "submit",
        namespace: "default",
        key: redacted,
        job: { queue, payload: `\n${redacted} ${redacted}` },
      });
    },
  );

  test("without a key in a text that is JSON itself, which stays so", async () => {
    const payload = JSON.stringify({ key: "dure_root_my_secret", more: 1 });
    await consume([{ type: "submit", job: { queue: "none", payload } }]);
    const [letter] = await deadLetters();
    const kept = JSON.parse(letter?.body ?? "") as { job: { payload: string } };
    expect(JSON.parse(kept.job.payload)).toEqual({ key: "dure_root_…", more: 1 });
  });

  test("of one job of a batch, which can be sent again as it is kept", async () => {
    const jobs = [
      { queue, payload: 1 },
      { queue, priority: 4 },
      { queue: "none", payload: 3 },
    ];
    await consume([{ type: "submitBatch", jobs }], { ids: ["mixed"] });
    expect((await jobsOf()).map(({ payload }) => payload)).toEqual([1]);
    const letters = await deadLetters();
    expect(letters.map(({ id, reason }) => [id, reason.split(":")[0]])).toEqual([
      ["mixed/1", "invalid-request"],
      ["mixed/2", "queue-not-found"],
    ]);
    expect(letters[0]?.reason).toContain("/jobs/1/payload");
    await putQueue("none", {});
    await consume(letters.slice(1).map(({ body }) => JSON.parse(body)));
    expect((await jobsOf("none")).map(({ payload }) => payload)).toEqual([3]);
  });

  test("of an atomic batch is one, and nothing was accepted", async () => {
    const jobs = [
      { queue, payload: 1 },
      { queue: "nowhere", payload: 2 },
    ];
    await consume([{ type: "submitBatch", atomic: true, jobs }], { ids: ["atomic"] });
    expect(await jobsOf()).toEqual([]);
    expect((await deadLetters()).map(({ id, reason }) => [id, reason])).toEqual([
      ["atomic", expect.stringMatching(/^batch-refused: .*\/jobs\/1/)],
    ]);
  });

  test("and is kept when the database is back: until then the message comes again", async () => {
    const ids = ["bad"];
    const first = await consume([{ type: "other" }, order(1)], {
      ids: ["bad", "good"],
      bindings: { ...env, DB: brokenDatabase() },
    });
    expect(first.retryMessages.map(({ msgId }) => msgId)).toContain("bad");
    await consume([{ type: "other" }], { ids, attempts: 2 });
    await consume([{ type: "other" }], { ids, attempts: 3 });
    expect((await deadLetters()).map(({ id }) => id)).toEqual(ids);
  });
});

describe("what may pass comes again", () => {
  test("a full queue", async () => {
    const full = await newQueue({ maxBacklog: 1 });
    await submit({ queue: full });
    const body = { type: "submit", job: { queue: full, payload: "second" } };
    const [id, other] = [freshName("full"), freshName("other")];
    const first = await consume([body, order(1)], { ids: [id, other] });
    expect(first.explicitAcks).toEqual([other]);
    expect(first.retryMessages.map(({ msgId }) => msgId)).toEqual([id]);
    await succeed((await claimOne(full)).lease);
    expect(await consume([body], { ids: [id], attempts: 2 })).toMatchObject(DONE);
    expect((await claimOne(full)).payload).toBe("second");
    expect(await deadLetters()).toEqual([]);
  });

  test.each(["submit", "existingIds"] as const)(
    "a shard that is away (%s), and a job of it is committed once",
    async (method) => {
      const bindings = { ...env, SHARD: awayShards("broken", [method]) };
      const delivery = { ids: [freshName("m")], ageMs: MINUTE };
      const first = await consume([order(1)], { ...delivery, bindings });
      expect({ acked: first.acked, retries: first.retryMessages.length }).toEqual({ acked: 0, retries: 1 });
      await consume([order(1)], { ...delivery, attempts: 2 });
      expect(await jobsOf()).toHaveLength(1);
    },
  );

  test("a job of an available queue is not deferred a second time", async () => {
    const available = await newQueue({ consistency: "available" });
    const sent: unknown[] = [];
    const INGEST = replaced(env.INGEST, { sendBatch: async (all: unknown[]) => void sent.push(...all) });
    const bindings = { ...env, INGEST, SHARD: awayShards("broken") };
    const body = { type: "submit", job: { queue: available, payload: 1 } };
    expect((await consume([body], { bindings })).retryMessages).toHaveLength(1);
    expect(sent).toEqual([]);
  });

  test("a part of a batch: what was accepted is not accepted again, what was refused for good is one letter", async () => {
    const full = await newQueue({ maxBacklog: 1 });
    await submit({ queue: full, payload: "first" });
    const body = {
      type: "submitBatch",
      jobs: [
        { queue, payload: 1 },
        { queue: full, payload: 2 },
        { queue: "no", payload: 3 },
      ],
    };
    const sent = { ids: ["part"] };
    expect((await consume([body], sent)).retryMessages).toHaveLength(1);
    expect(await jobsOf()).toHaveLength(1);
    await succeed((await claimOne(full)).lease);
    await consume([body], { ...sent, attempts: 2 });
    expect((await deadLetters()).map(({ id }) => id)).toEqual(["part/2"]);
    expect((await claimOne(full)).payload).toBe(2);
  });
});

/** The job is done, history has it, and its shard has forgotten it. */
async function forgotten(): Promise<void> {
  await project();
  passTime(2 * MINUTE);
  for (let round = 0; round < 2; round++) {
    await project();
    await runAlarms();
  }
  expect(await existingAnywhere((await jobsOf()).map(({ id }) => id))).toEqual([]);
}

describe("a message that comes long after its jobs were done", () => {
  test.each([
    ["one", () => order(1)],
    [
      "many",
      () => ({
        type: "submitBatch",
        jobs: [
          { queue, payload: 1 },
          { queue, payload: 2 },
        ],
      }),
    ],
    [
      "an atomic batch",
      () => ({
        type: "submitBatch",
        atomic: true,
        jobs: [
          { queue, payload: 1 },
          { queue, payload: 2 },
        ],
      }),
    ],
  ])("runs nothing twice: %s", async (_, make) => {
    const body = make();
    const ids = [freshName("m")];
    const deliver = () => consume([body], { ids });
    await deliver();
    const jobs = await claim(queue, { max: 10 });
    expect(jobs.length).toBeGreaterThan(0);
    for (const { lease } of jobs) await succeed(lease);
    await forgotten();
    expect(await deliver()).toMatchObject(DONE);
    expect(await claim(queue)).toEqual([]);
    expect(await jobsOf()).toHaveLength(jobs.length);
  });
});

test("an atomic batch of which one job was forgotten by then is not accepted again", async () => {
  const body = { type: "submitBatch", atomic: true, jobs: [1, 2].map((payload) => ({ queue, payload })) };
  const ids = [freshName("m")];
  await consume([body], { ids });
  await succeed((await claimOne(queue)).lease);
  await project();
  passTime(2 * MINUTE);
  await runAlarms();
  expect(await consume([body], { ids, attempts: 2 })).toMatchObject(DONE);
  expect(await claim(queue, { max: 10 })).toHaveLength(1);
  expect(await jobsOf()).toHaveLength(2);
});

describe("atomic batches over shards", () => {
  const spread = () => ({
    type: "submitBatch",
    atomic: true,
    jobs: Array.from({ length: 24 }, (_, i) => ({ queue, payload: i, orderingKey: `key-${i}` })),
  });

  test("are accepted whole, however late the message is and however often it comes", async () => {
    const delivery = { ids: [freshName("m")], ageMs: 10 * MINUTE };
    for (const attempts of [1, 2, 3]) expect(await consume([spread()], { ...delivery, attempts })).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(24);
  });

  test("wait for a shard that is away, whole", async () => {
    const [away = ""] = shards().map(({ id }) => id);
    const bindings = { ...env, SHARD: awayShards("broken", ["existingIds"], [away]) };
    const delivery = { ids: [freshName("m")], ageMs: MINUTE };
    expect((await consume([spread()], { ...delivery, bindings })).retryMessages).toHaveLength(1);
    expect(await jobsOf()).toEqual([]);
    expect(await consume([spread()], { ...delivery, attempts: 2 })).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(24);
  });

  test("have a transaction of their own at each delivery: one that was aborted stays so", async () => {
    const names: string[] = [];
    const aborting = (name: string) => ({
      run: async () => {
        names.push(name);
        return { type: "unavailable" };
      },
    });
    const bindings = { ...env, TRANSACTION: replaced(env.TRANSACTION, { getByName: aborting }) };
    const ids = [freshName("m")];
    for (const attempts of [1, 2]) {
      expect((await consume([spread()], { ids, attempts, bindings })).retryMessages).toHaveLength(1);
    }
    expect(new Set(names).size).toBe(2);
    expect(await consume([spread()], { ids, attempts: 3 })).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(24);
  });
});

describe("a batch with an idempotency key", () => {
  const keyed = (over = {}) => ({ type: "submitBatch", idempotencyKey: "k", jobs: [{ queue, payload: 1 }], ...over });

  test("is one batch, whoever sends it and through which door", async () => {
    await consume([keyed(), keyed()]);
    const answer = await call("POST", "/v1/batches", {
      body: { jobs: [{ queue, payload: 1 }] },
      headers: { "idempotency-key": "k" },
    });
    expect(answer.headers.get("dure-replayed")).toBe("true");
    expect(await jobsOf()).toHaveLength(1);
  });

  test("with other jobs is a dead letter", async () => {
    await consume([keyed({ idempotencyKey: "k2" })]);
    await consume([keyed({ idempotencyKey: "k2", jobs: [{ queue, payload: 2 }] })]);
    expect((await deadLetters()).map(({ reason }) => reason.split(":")[0])).toEqual(["idempotency-mismatch"]);
  });

  test.each(["broken", "lost"] as const)("that was cut short (%s) is completed once, however late", async (how) => {
    const bindings = { ...env, SHARD: awayShards(how, ["submit"]) };
    const body = keyed({ idempotencyKey: freshName("key") });
    const ids = [freshName("m")];
    expect((await consume([body], { ids, bindings })).retryMessages).toHaveLength(1);
    passTime(10 * MINUTE);
    expect(await consume([body], { ids, attempts: 2 })).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(1);
  });

  test("that a younger message completes runs nothing twice either", async () => {
    const body = keyed({ idempotencyKey: freshName("key") });
    // Its answer is never noted.
    await consume([body], { bindings: { ...env, SHARD: awayShards("lost", ["submit"]) } });
    await succeed((await claimOne(queue)).lease);
    await forgotten();
    expect(await consume([body])).toMatchObject(DONE);
    expect(await claim(queue)).toEqual([]);
  });

  test("and all or nothing is accepted though its first transaction was aborted", async () => {
    const aborting = () => ({ run: async () => ({ type: "unavailable" }) });
    const bindings = { ...env, TRANSACTION: replaced(env.TRANSACTION, { getByName: aborting }) };
    const jobs = Array.from({ length: 24 }, (_, i) => ({ queue, payload: i, orderingKey: `key-${i}` }));
    const body = keyed({ idempotencyKey: freshName("key"), atomic: true, jobs });
    const ids = [freshName("m")];
    expect((await consume([body], { ids, bindings })).retryMessages).toHaveLength(1);
    expect(await consume([body], { ids, attempts: 2 })).toMatchObject(DONE);
    expect(await jobsOf()).toHaveLength(24);
  });

  test("goes on until the last of its jobs is in", async () => {
    const full = await newQueue({ maxBacklog: 1 });
    await submit({ queue: full, payload: "first" });
    const jobs = [
      { queue, payload: 1 },
      { queue: full, payload: 2 },
    ];
    const body = keyed({ idempotencyKey: freshName("key"), jobs });
    const ids = [freshName("m")];
    expect((await consume([body], { ids })).retryMessages).toHaveLength(1);
    await succeed((await claimOne(full)).lease);
    expect(await consume([body], { ids, attempts: 2 })).toMatchObject(DONE);
    expect((await claimOne(full)).payload).toBe(2);
    expect(await jobsOf()).toHaveLength(1);
    expect(await deadLetters()).toEqual([]);
  });

  test("whose last answer was given through the other door refuses what that refused", async () => {
    const full = await newQueue({ maxBacklog: 1 });
    await submit({ queue: full, payload: "first" });
    const jobs = [
      { queue, payload: 1 },
      { queue: full, payload: 2 },
    ];
    const key = freshName("key");
    await must("POST", "/v1/batches", { body: { jobs }, headers: { "idempotency-key": key } });
    expect(await consume([keyed({ idempotencyKey: key, jobs })])).toMatchObject(DONE);
    expect((await deadLetters()).map(({ reason }) => reason.split(":")[0])).toEqual(["backlog-full"]);
  });
});

test("a job that came by the Queue reads like any other", async () => {
  await consume([order(1, { idempotencyKey: "o-1" })]);
  const [job] = await jobsOf();
  const replay = await submit({ queue, payload: { order: 1 }, idempotencyKey: "o-1" });
  expect(replay.id).toBe(job?.id);
  expect((await must<JobView>("GET", `/v1/jobs/${replay.id}`)).idempotencyKey).toBe("o-1");
});
