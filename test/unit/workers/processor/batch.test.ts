import { beforeEach, describe, expect, test, vi } from "vitest";
import type { SpawnLetter } from "../../../../contract/spawn-letter.ts";
import { recordDeadLetter } from "../../../../workers/db/dead-letters.ts";
import { readBells } from "../../../../workers/processor/bells.ts";
import { readConfig } from "../../../../workers/processor/config.ts";
import { letterOf, storeDeadLetter } from "../../../../workers/processor/dead-letters.ts";
import { type SecretCache, webhookSecrets } from "../../../../workers/processor/secrets.ts";
import { MASTER_KEY, OTHER_MASTER_KEY, testVault } from "../../../rigs/master-key.ts";
import { ANY_TARGET, listedTargets, PUBLIC_TARGETS } from "../../../rigs/target-rules.ts";
import { d1, openHistory } from "../../../simulation/d1-stand-in.ts";

const NOW = 1_763_800_000_000;
const down = <T>(_: () => T): Promise<T> => Promise.reject(new Error("D1 is down"));

const work = (shard: string, lane = "default") => ({ body: { v: 1, kind: "work", shard, lane } });
const history = (shard: string) => ({ body: { v: 1, kind: "history", shard } });

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

describe("bells", () => {
  test("several for one place are one visit", () => {
    const events = { body: { v: 1, kind: "events", shard: "c" } };
    const messages = [work("a"), work("a"), work("b"), work("a", "slow"), history("a"), history("a"), events, events];
    const bells = readBells(messages);
    expect([...bells.work].map(([lane, shards]) => [lane, [...shards]])).toEqual([
      ["default", ["a", "b"]],
      ["slow", ["a"]],
    ]);
    expect([...bells.history]).toEqual(["a"]);
    expect([...bells.events]).toEqual(["c"]);
    expect([bells.readable.length, bells.unreadable.length]).toEqual([8, 0]);
  });

  test.each([
    null,
    "text",
    7,
    [],
    {},
    { v: 2, kind: "history", shard: "a" },
    { v: 1, kind: "work", shard: "a", lane: "fast" },
    { v: 1, kind: "work", shard: "", lane: "default" },
  ])("%j cannot be read, and costs its neighbours nothing", (body) => {
    const bells = readBells([work("a"), { body }, history("b")]);
    expect(bells.unreadable).toMatchObject([{ message: { body }, reason: expect.stringContaining("not a doorbell") }]);
    expect([bells.work.size, bells.history.size, bells.readable.length]).toEqual([1, 1, 2]);
  });
});

describe("messages that cannot be read", () => {
  function message(body: unknown, attempts = 1) {
    const done: string[] = [];
    const retry = (options?: { delaySeconds?: number }) => done.push(`retry ${options?.delaySeconds}`);
    const made = { id: "m1", timestamp: new Date(NOW), body, attempts, ack: () => done.push("ack"), retry };
    return { message: made as unknown as Message, done };
  }
  const letter = { queue: "dure-default", reason: "not a doorbell" };

  test("are recorded once, then acknowledged", async () => {
    const db = openHistory();
    for (const { message: one, done } of [message({ a: 1 }), message({ a: 1 })]) {
      await storeDeadLetter(d1(db), one, letter, NOW);
      expect(done).toEqual(["ack"]);
    }
    expect(db.prepare("SELECT * FROM dead_letters").all()).toEqual([
      { id: "m1", received_at: NOW, body: '{"a":1}', ...letter },
    ]);
  });

  test.each([
    [1, "retry 30"],
    [3, "retry 120"],
    [90, "retry 3600"],
  ])("are retried while D1 is down: attempt %i, %s s", async (attempts, expected) => {
    const { message: one, done } = message("x", attempts);
    await storeDeadLetter(d1(openHistory(), down), one, letter, NOW);
    expect(done).toEqual([expected]);
  });

  test.each([[undefined], [10n]])("are recorded even when their body is no JSON: %s", async (body) => {
    const db = openHistory();
    const { message: one, done } = message(body);
    await storeDeadLetter(d1(db), one, letter, NOW);
    expect(done).toEqual(["ack"]);
    expect(db.prepare("SELECT body FROM dead_letters").get()).toEqual({ body: String(body) });
  });

  test("are kept to a bounded length", async () => {
    const db = openHistory();
    await recordDeadLetter(d1(db), { id: "m", receivedAt: NOW, body: "x".repeat(200_000), ...letter });
    expect(db.prepare("SELECT length(body) AS n FROM dead_letters").get()).toEqual({ n: 131_072 });
  });

  test("are kept without the secrets of API keys", async () => {
    const db = openHistory();
    const body = JSON.stringify({ key: "dure_01m82_Abcdefghijklmnopqrstuvwxyz-0123456789", job: { payload: "dure_" } });
    await recordDeadLetter(d1(db), { id: "m", receivedAt: NOW, body, ...letter });
    expect(db.prepare("SELECT body FROM dead_letters").get()).toEqual({
      body: '{"key":"dure_01m82_…","job":{"payload":"dure_"}}',
    });
  });
});

describe("a message of the dead-letter queue", () => {
  const spawned: SpawnLetter = {
    v: 1,
    kind: "spawn",
    id: "job_child",
    parent: "job_parent",
    namespace: "default",
    queue: "q",
    reason: "expired",
    refusedAt: NOW,
    orderingKey: null,
    idempotencyKey: null,
    dedupKey: null,
    payload: "{}",
  };

  test("about a spawned job that was refused is one row however often it is sent", async () => {
    const db = openHistory();
    const queue = "dure-dead";
    for (const id of ["first", "second"]) {
      const one = { id, body: spawned, attempts: 1, ack: () => undefined } as unknown as Message;
      await storeDeadLetter(d1(db), one, { queue, ...letterOf(spawned) }, NOW);
    }
    const [row, ...more] = db.prepare("SELECT id, reason, body FROM dead_letters").all();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ id: "spawn/job_child", reason: "spawned job refused: expired" });
    expect(JSON.parse(String(row?.body))).toEqual(spawned);
  });

  test("that is none is one whose retries are exhausted", () => {
    expect([letterOf({ kind: "spawn" }), letterOf(null), letterOf({ v: 1, kind: "work" })]).toEqual(
      Array.from({ length: 3 }, () => ({ reason: "retries exhausted" })),
    );
  });
});

describe("variables", () => {
  const env = {
    ALLOW_PRIVATE_TARGETS: "false",
    MAX_CONNECTIONS: "6",
    LANE_CONSUMERS: "250",
    SWEEP_MS: "0",
    WAIT_MS: "4000",
    DURE_MASTER_KEY: MASTER_KEY,
  };

  test("are read once into what they mean", () => {
    expect(readConfig(env)).toEqual({
      targets: PUBLIC_TARGETS,
      bindings: new Map(),
      maxConnections: 6,
      laneConsumers: 250,
      sweepMs: 0,
      waitMs: 4_000,
      masterKeys: { current: MASTER_KEY, previous: undefined },
    });
    expect(readConfig({ ...env, ALLOW_PRIVATE_TARGETS: "true", SWEEP_MS: "50" })).toMatchObject({
      targets: ANY_TARGET,
      sweepMs: 50,
    });
    const lists = { TARGET_HOSTS: "a.example, *.b.example", PLATFORM_HOSTS: "c.example" };
    expect(readConfig({ ...env, ...lists }).targets).toEqual(listedTargets("a.example,*.b.example", "c.example"));
  });

  test("the list of bindings is read, and one that names something of Dure's own is refused", () => {
    const { bindings } = readConfig({ ...env, TARGET_BINDINGS: "MAILER:worker, OUT:queue" });
    expect(bindings).toEqual(
      new Map([
        ["MAILER", "worker"],
        ["OUT", "queue"],
      ]),
    );
    expect(() => readConfig({ ...env, TARGET_BINDINGS: "DB:worker" })).toThrow("TARGET_BINDINGS names DB, ");
  });

  test.each([
    ["1", true],
    ["TRUE", true],
    ["0", false],
    ["", false],
  ])("ALLOW_PRIVATE_TARGETS=%s is %s", (text, on) => {
    expect(readConfig({ ...env, ALLOW_PRIVATE_TARGETS: text }).targets.allowPrivate).toBe(on);
  });

  test("that are neither on nor off are refused by their name, and not taken for off", () => {
    expect(() => readConfig({ ...env, ALLOW_PRIVATE_TARGETS: "yes" })).toThrow("ALLOW_PRIVATE_TARGETS is `true`");
  });

  test("that are no lists of hosts are refused by their name", () => {
    for (const name of ["TARGET_HOSTS", "PLATFORM_HOSTS"]) {
      expect(() => readConfig({ ...env, [name]: "https://a.example" })).toThrow(`${name} is a list of hosts`);
    }
  });

  test.each([
    { LANE_CONSUMERS: "0" },
    { MAX_CONNECTIONS: "0" },
    { MAX_CONNECTIONS: "many" },
    { SWEEP_MS: "-1" },
    { SWEEP_MS: "0.5" },
    { WAIT_MS: "soon" },
  ])("%j is refused", (bad) => {
    expect(() => readConfig({ ...env, ...bad })).toThrow(/is a whole number from/);
  });

  test("without a master key nothing is run, and a sentence says how to make one", () => {
    expect(() => readConfig({ ...env, DURE_MASTER_KEY: "" })).toThrow(
      /DURE_MASTER_KEY is not set\. It is dure_master_/,
    );
  });
});

describe("webhook secrets", () => {
  const DAY = 24 * 3600 * 1000;
  let now = NOW;
  const randomBytes = (count: number) => new Uint8Array(count).fill(7);
  const vault = testVault();
  beforeEach(() => {
    now = NOW;
  });
  const read = (database: D1Database, cache: SecretCache = new Map()) =>
    webhookSecrets({ db: database, vault, now: () => now, randomBytes }, cache, "default");

  test("a namespace without one gets one, and keeps it", async () => {
    const db = openHistory();
    const made = await read(d1(db));
    expect(made).toEqual([`whsec_${Buffer.alloc(32, 7).toString("base64")}`]);
    expect(db.prepare("SELECT namespace, number, secret FROM webhook_secrets").all()).toEqual([
      { namespace: "default", number: 1, secret: expect.stringMatching(/^sealed\.v1\./) },
    ]);
    expect(await read(d1(db))).toEqual(made);
  });

  test("every secret signs for a day beside the one that came after it, however many there are", async () => {
    const db = openHistory();
    const add = db.prepare("INSERT INTO webhook_secrets VALUES ('default', ?, ?, '', ?)");
    add.run(1, "whsec_b2xk", 0);
    add.run(2, "whsec_bmV3", NOW);
    add.run(3, "whsec_bmV4dA==", NOW + 1);
    now = NOW + DAY - 1;
    expect(await read(d1(db))).toEqual(["whsec_bmV4dA==", "whsec_bmV3", "whsec_b2xk"]);
    now = NOW + DAY;
    expect(await read(d1(db))).toEqual(["whsec_bmV4dA==", "whsec_bmV3"]);
    now = NOW + DAY + 1;
    expect(await read(d1(db))).toEqual(["whsec_bmV4dA=="]);
  });

  test("are read once for jobs that start together, and go on while D1 is down", async () => {
    const db = openHistory();
    const cache: SecretCache = new Map();
    const first = await read(d1(db), cache);
    db.exec("UPDATE webhook_secrets SET secret = 'whsec_bmV3'");
    now += 999;
    expect(await read(d1(db), cache)).toEqual(first);
    now += 1;
    expect(await read(d1(db, down), cache)).toEqual(first);
    expect(await read(d1(db), cache)).toEqual(["whsec_bmV3"]);
    await expect(read(d1(db, down))).rejects.toThrow();
  });

  test("under a key that is not there any more are none", async () => {
    const db = openHistory();
    await read(d1(db));
    const ports = { db: d1(db), vault: testVault(OTHER_MASTER_KEY), now: () => now, randomBytes };
    await expect(webhookSecrets(ports, new Map(), "default")).rejects.toThrow(/master keys/);
  });

  test("of a namespace that does not exist are not made", async () => {
    const ports = { db: d1(openHistory()), vault, now: () => now, randomBytes };
    await expect(webhookSecrets(ports, new Map(), "nobody")).rejects.toThrow();
  });
});
