import { describe, expect, test } from "vitest";
import {
  MAX_BODY_BYTES,
  MAX_JSON_DEPTH,
  MAX_PAYLOAD_BYTES,
  MAX_RESULT_BYTES,
  MAX_SPAWN,
} from "../../../../contract/limits.ts";
import { InvalidSpawn, SpawnList } from "../../../../contract/spawn.ts";
import type { SpawnQueues } from "../../../../domain/target-secrets.ts";
import { handlerExecutor } from "../../../../workers/processor/executors/handler.ts";
import { httpExecutor } from "../../../../workers/processor/executors/http.ts";
import type { Handler } from "../../../../workers/processor/handler.ts";
import { Stopper } from "../../../../workers/processor/stopper.ts";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { testTargets } from "../../../rigs/master-key.ts";
import { httpItem, item, ScriptedShard } from "../../../rigs/scripted-shard.ts";
import { ANY_TARGET } from "../../../rigs/target-rules.ts";

const NOW = 1_763_800_000_000;

function run(handler: Handler) {
  return handlerExecutor({ handler }, () => NOW)(item(1), "handler", new Stopper());
}

/** What comes of an HTTP target that answers 200 with `body`. It may submit to two queues, unless `spawn` says otherwise. */
async function answered(
  body: BodyInit,
  type = "application/json",
  spawn: SpawnQueues | null = { queues: ["default", "next"] },
) {
  const execute = httpExecutor({
    fetch: async () => new Response(body, { headers: { "content-type": type } }),
    now: () => NOW,
    after: () => () => undefined,
    spanId: () => "00f067aa0ba902b7",
    openTarget: testTargets(),
    secrets: async () => [],
    targets: ANY_TARGET,
  });
  const to = { type: "http", url: "https://example.com/", headers: {}, ...(spawn === null ? {} : { spawn }) } as const;
  const outcome = await execute(httpItem(1), to, new Stopper());
  if (outcome.ok === null) throw new Error("it was handed over");
  return outcome;
}

const plain = {
  queue: "default",
  priority: 4,
  orderingKey: null,
  concurrencyKey: null,
  idempotency: null,
  dedup: null,
  delayMs: null,
  runAt: null,
  expiresAt: null,
  timeoutMs: null,
  retry: null,
  tags: [],
};

/** `levels` of arrays, each in the next. */
function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

/** A body that comes in these pieces, and whether its reader gave up. `endless`: spaces follow, without end. */
function streamed(pieces: string[], endless = false) {
  const at = { piece: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[at.piece++];
      if (piece === undefined && !endless) return controller.close();
      controller.enqueue(new TextEncoder().encode(piece ?? " ".repeat(65_536)));
    },
    cancel() {
      at.cancelled = true;
    },
  });
  return { body, at };
}

/** What is no job, and where the message says so. */
const FAULTY: [string, unknown, string][] = [
  ["no payload", { queue: "q" }, "/0/payload: "],
  ["an unknown field", { payload: 1, priorty: 3 }, "/0/priorty: `priorty` is no member of "],
  ["no name", { payload: 1, queue: "Not A Name" }, "/0/queue: "],
  ["two times", { payload: 1, delay: 1, runAt: "2030-01-01T00:00:00Z" }, "/0/runAt: "],
  ["a late end", { payload: 1, expiresAt: "2001-01-01T00:00:00Z" }, "/0/expiresAt: expiresAt has to be in the future."],
  ["a far start", { payload: 1, runAt: "2999-01-01T00:00:00Z" }, "/0/runAt: runAt is at most 366 days ahead."],
  ["a large payload", { payload: "x".repeat(MAX_PAYLOAD_BYTES) }, "/0/payload: The payload may be"],
  ["a payload that nests too deep", { payload: nested(MAX_JSON_DEPTH) }, "/0: The job nests deeper than 512 levels."],
  [
    "one that nests deeper yet",
    { payload: nested(3000), idempotencyKey: "k" },
    "/0: The job nests deeper than 512 levels.",
  ],
  ["a text", "job", "/0: "],
  ["nothing", null, "/0: "],
];

describe("a handler", () => {
  test("brings jobs with its success, as they were when it said so", async () => {
    const outcome = await run((_, { spawn }) => {
      const job = { queue: "next", payload: { n: 1 }, delay: 5, tags: ["a"] };
      spawn(job);
      job.payload.n = 2;
      spawn({ payload: null, idempotencyKey: "k" });
      return "done";
    });
    expect(outcome).toMatchObject({
      ok: true,
      result: '"done"',
      spawn: [
        { ...plain, queue: "next", payload: '{"n":1}', delayMs: 5_000, tags: ["a"] },
        { ...plain, payload: "null", idempotency: { key: "k", hash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      ],
    });
  });

  test("brings none when it fails, and a success without any says nothing of them", async () => {
    const outcome = await run((_, { spawn }) => {
      spawn({ payload: 1 });
      throw new Error("no");
    });
    expect(outcome).toEqual({
      ok: false,
      error: { code: "handler-error", message: "Error: no", retryable: true },
      retryAfterMs: null,
    });
    expect(await run(() => null)).not.toHaveProperty("spawn");
  });

  test("brings none that it names after it has returned", async () => {
    let later: (() => void) | undefined;
    const outcome = await run((_, { spawn }) => {
      later = () => spawn({ payload: 1 });
      return null;
    });
    later?.();
    expect(outcome).not.toHaveProperty("spawn");
  });

  test.each(FAULTY)("that brings what has %s fails its attempt, and is told where", async (_, job, where) => {
    const outcome = await run((__, { spawn }) => {
      spawn(job as Parameters<typeof spawn>[0]);
      return null;
    });
    expect(outcome).toMatchObject({ ok: false, error: { code: "invalid-spawn", retryable: true } });
    expect(outcome.ok ? "" : outcome.error.message).toContain(`/spawn${where}`);
  });

  test("may go on without a job that was refused", async () => {
    const outcome = await run((_, { spawn }) => {
      spawn({ payload: 1 });
      try {
        spawn({ queue: "q" } as never);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidSpawn);
      }
      return null;
    });
    expect(outcome).toMatchObject({ ok: true, spawn: [{ payload: "1" }] });
  });
});

describe("the jobs of one success", () => {
  test("are a hundred at most", () => {
    const list = new SpawnList();
    for (let i = 0; i < MAX_SPAWN; i++) list.add({ payload: i }, NOW);
    expect(() => list.add({ payload: 0 }, NOW)).toThrow("/spawn/100: At most 100");
  });

  test("have a mebibyte of payloads at most, all together", () => {
    const list = new SpawnList();
    const payload = "x".repeat(MAX_PAYLOAD_BYTES - 2);
    for (let i = 0; i < 4; i++) list.add({ payload }, NOW);
    expect(() => list.add({ payload: 1 }, NOW)).toThrow("/spawn/4/payload: The payloads are larger");
  });

  test.each([[() => 1], [undefined], [1n], [cyclic()]])("are JSON (%#)", (value) => {
    expect(() => new SpawnList().add(value, NOW)).toThrow("/spawn/0: The job is not JSON.");
  });
});

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value.payload = value;
  return value;
}

describe("an HTTP target", () => {
  test("brings jobs with a member of its answer; its result is another", async () => {
    const body = { "dure-spawn": [{ queue: "next", payload: [1] }], result: { a: 1 }, more: true };
    expect(await answered(JSON.stringify(body))).toEqual({
      ok: true,
      result: '{"a":1}',
      resultTruncated: false,
      spawn: [{ ...plain, queue: "next", payload: "[1]" }],
    });
  });

  test("has the result null without that member, and brings nothing with an empty list", async () => {
    expect(await answered('{"dure-spawn": []}')).toEqual({ ok: true, result: null, resultTruncated: false });
  });

  test.each([
    ['["dure-spawn"]', '["dure-spawn"]'],
    ['{"a": {"dure-spawn": []}}', '{"a": {"dure-spawn": []}}'],
    ['"dure-spawn"', '"dure-spawn"'],
  ])("answers %s as a result like any other", async (body, result) => {
    expect(await answered(body)).toEqual({ ok: true, result, resultTruncated: false });
  });

  test("answers a text like any other where it says that it is no JSON", async () => {
    expect(await answered('{"dure-spawn": 1}', "text/plain")).toMatchObject({
      ok: true,
      result: JSON.stringify('{"dure-spawn": 1}'),
    });
  });

  test.each(FAULTY)("that brings what has %s fails its attempt, and is told where", async (_, job, where) => {
    const outcome = await answered(JSON.stringify({ "dure-spawn": [job] }));
    expect(outcome).toMatchObject({ ok: false, error: { code: "invalid-spawn", retryable: true } });
    expect(outcome.ok ? "" : outcome.error.message).toContain(`/dure-spawn${where}`);
  });

  test.each([
    ["{}", "/dure-spawn: must be an array of jobs"],
    ["null", "/dure-spawn: must be an array of jobs"],
    ['[], "dure-\\u0073pawn": [{"payload": 1}]', "/dure-spawn: is in the answer more than once"],
    ['[], "result": 1, "r\\u0065sult": 2', "/result: is in the answer more than once"],
    ['[{"payload": 1, "payload": 2}]', "/dure-spawn/0/payload: payload is named twice."],
    [
      '[{"payload": 1}, {"payload": 1, "retry": {"delay": 1, "delay": 2}}]',
      "/dure-spawn/1/retry/delay: delay is named twice.",
    ],
    [JSON.stringify(Array.from({ length: 101 }, () => ({ payload: 1 }))), "/dure-spawn: at most 100"],
  ])("whose member is %.20s fails its attempt", async (member, message) => {
    const outcome = await answered(`{"dure-spawn": ${member}}`);
    expect(outcome.ok ? "" : outcome.error.message).toContain(message);
  });

  test("takes no jobs from what is not UTF-8, and fails where it would have brought some", async () => {
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
    const outcome = await answered(bytes('{"dure-spawn": [{"payload": "\xff"}]}'));
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "invalid-spawn", message: "/dure-spawn: the answer is not UTF-8" },
    });
    const text = '{"other": "dure-spawn \ufffd"}';
    const plain = { ok: true, result: JSON.stringify(text), resultTruncated: false };
    expect(await answered(bytes('{"other": "dure-spawn \xff"}'))).toEqual(plain);
    const ignored = await answered(bytes('{"dure-spawn": "\xff"}'), "application/json", null);
    expect(ignored).toEqual({ ...plain, result: JSON.stringify('{"dure-spawn": "\ufffd"}') });
  });

  test("whose answer has two results and no jobs answers it as it stands", async () => {
    const result = '{"result": 1, "result": 2}';
    expect(await answered(result)).toEqual({ ok: true, result, resultTruncated: false });
  });

  test("may bring more than a result may be long, and its result is cut as any", async () => {
    const payload = "p".repeat(200_000);
    const jobs = [{ payload }, { payload }];
    expect(await answered(JSON.stringify({ "dure-spawn": jobs, result: 1 }))).toMatchObject({ ok: true, result: "1" });
    const long = await answered(JSON.stringify({ "dure-spawn": [{ payload: 1 }], result: "r".repeat(300_000) }));
    expect(long).toMatchObject({ ok: true, resultTruncated: true, spawn: [{ payload: "1" }] });
    expect(long.ok ? (long.result?.length ?? 0) : 0).toBeLessThanOrEqual(MAX_RESULT_BYTES);
  });

  test("whose answer is too large to be read fails where it may bring jobs, and is cut where not", async () => {
    const large = "x".repeat(1024 * 1024);
    const outcome = await answered(JSON.stringify({ "dure-spawn": [{ payload: 1 }], result: large }));
    expect(outcome).toMatchObject({ ok: false, error: { code: "invalid-spawn" } });
    const cut = await answered(JSON.stringify({ result: large }));
    expect(cut).toMatchObject({ ok: true, resultTruncated: true });
  });

  describe("whose answer is too large to be kept", () => {
    const large = `{"result": "${"x".repeat(MAX_BODY_BYTES)}"`;
    const fails = {
      ok: false,
      error: { code: "invalid-spawn", message: expect.stringContaining("larger than 1048576") },
    };

    test.each([
      ["behind the cut", [large, ', "dure-spawn": [{"payload": 1}]}']],
      ["far behind it", [large, ...Array.from({ length: 20 }, (_, n) => `, "${n}": 1`), ', "dure-spawn": []}']],
      ["across two pieces", [large, ', "dure-sp', 'awn": []}']],
      ["with escapes", [large, ', "d\\u0075re\\u002Dsp\\u0061w\\u006e": []}']],
      ["with escapes across pieces", [large, ', "dure\\u0', '02dspawn": []}']],
      ["after a mark of byte order and spaces", [`\ufeff \n${large}`, ', "dure-spawn": []}']],
    ])("fails where its jobs are named %s", async (_, pieces) => {
      const { body, at } = streamed(pieces, true);
      expect(await answered(body)).toMatchObject(fails);
      expect(at.cancelled).toBe(true);
    });

    test("is read to its end where no jobs are named, and cut", async () => {
      const { body, at } = streamed([large, ', "dure-spawned": [], "a": "dure", "spawn": "\\"dure-spawn\\""}']);
      expect(await answered(body)).toMatchObject({ ok: true, resultTruncated: true });
      expect(at.piece).toBe(3);
    });

    test.each([
      ["is no object", "application/json", "["],
      ["says that it is no JSON", "text/plain", "{"],
    ])("is not read on where it %s", async (_, type, begin) => {
      const { body, at } = streamed([begin + large, ', "dure-spawn": []'], true);
      expect(await answered(body, type)).toMatchObject({ ok: true, resultTruncated: true });
      expect(at.cancelled).toBe(true);
    });
  });

  test("may write its member with escapes", async () => {
    expect(await answered('{"dure\\u002dspawn": [{"payload": 1}], "result": 2}')).toMatchObject({
      ok: true,
      result: "2",
      spawn: [{ payload: "1" }],
    });
  });

  test("brings a job that nests as deep as any may, and no result that nests deeper", async () => {
    const payload = nested(MAX_JSON_DEPTH - 1);
    const outcome = await answered(JSON.stringify({ "dure-spawn": [{ payload, idempotencyKey: "k" }] }));
    expect(outcome).toMatchObject({ ok: true, spawn: [{ payload: JSON.stringify(payload) }] });
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    const refused = await answered(`{"dure-spawn": [{"payload": 1}], "result": ${deep}}`);
    expect(refused).toMatchObject({ ok: false, error: { code: "invalid-spawn" } });
    expect(refused.ok ? "" : refused.error.message).toBe("/result: nests deeper than 512 levels");
    expect(await answered(deep)).toMatchObject({ ok: true, result: JSON.stringify(deep) });
    for (const [levels, ok] of [
      [MAX_JSON_DEPTH, true],
      [MAX_JSON_DEPTH + 1, false],
    ] as const) {
      const result = JSON.stringify(nested(levels));
      expect(await answered(`{"result":${result},"dure-spawn":[{"payload":1}]}`)).toMatchObject({ ok });
    }
    // However deep, and whether or not anything of it is ever closed.
    const endless = await answered(`{"dure-spawn": [{"payload": 1}], "result": ${"[".repeat(200_000)}`);
    expect(endless.ok ? "" : endless.error.message).toBe("/result: nests deeper than 512 levels");
  });
});

describe("an HTTP target that may submit nothing", () => {
  const refused = { warning: { code: "spawn-refused", message: expect.stringContaining("no `spawn`") } };
  const deep = "[".repeat(3_000) + "]".repeat(3_000);

  test.each([
    ["a job", '{"dure-spawn": [{"queue": "next", "payload": 1}], "result": 2}'],
    ["what is no job", '{"dure-spawn": [{"queue": "next"}], "result": 2}'],
    ["what is no list", '{"dure-spawn": 7}'],
    ["an empty list", '{"dure-spawn": []}'],
    ["a name with escapes", ' {"dure\\u002dspawn": [{"payload": 1}]}'],
  ])("has %s as its result, to the letter, and is warned", async (_, body) => {
    const kept = { ok: true, result: body.trim(), resultTruncated: false };
    expect(await answered(body, "application/json", null)).toEqual({ ...kept, ...refused });
  });

  test.each([
    ["nested", '{"echo": {"dure-spawn": [{"payload": 1}]}}'],
    ["in a text", '{"echo": "\\"dure-spawn\\": []"}'],
    ["in a list", '["dure-spawn"]'],
  ])("is not warned of the name %s", async (_, body) => {
    expect(await answered(body, "application/json", null)).toEqual({ ok: true, result: body, resultTruncated: false });
  });

  test.each([
    ["nests too deep", `{"dure-spawn": ${deep}}`],
    ["is larger than what is read", `{"dure-spawn": [{"payload": 1}], "x": "${"x".repeat(MAX_BODY_BYTES)}"}`],
    ["is larger than a result", `{"x": "${"x".repeat(MAX_RESULT_BYTES)}", "dure-spawn": [{"payload": 1}]}`],
  ])("is warned of an answer that %s, and it succeeds", async (_, body) => {
    const outcome = await answered(body, "application/json", null);
    expect(outcome).toMatchObject({ ok: true, ...refused });
    expect(outcome).not.toHaveProperty("spawn");
  });

  test("has no more of a long answer read than is kept", async () => {
    const { body, at } = streamed([`{"result": "${"x".repeat(MAX_BODY_BYTES)}"`, ', "dure-spawn": []}'], true);
    const outcome = await answered(body, "application/json", null);
    expect(outcome).toMatchObject({ ok: true, resultTruncated: true });
    expect(at.cancelled).toBe(true);
  });
});

describe("an HTTP target that may submit to some queues", () => {
  const some = [
    { queue: "next", payload: 1 },
    { queue: "paid", payload: 2 },
    { payload: 3 },
    { queue: "next", payload: 4 },
  ];

  test("submits to these alone, and is warned of the others", async () => {
    const body = JSON.stringify({ "dure-spawn": some, result: "r" });
    const outcome = await answered(body, "application/json", { queues: ["next"] });
    const message = "2 of 4 jobs were not submitted: `spawn` of the target does not name paid, default";
    expect(outcome).toMatchObject({ ok: true, result: '"r"', warning: { code: "spawn-refused", message } });
    const spawn = outcome.ok ? (outcome.spawn ?? []) : [];
    expect(spawn.map(({ queue, payload }) => [queue, payload])).toEqual([
      ["next", "1"],
      ["next", "4"],
    ]);
  });

  test("brings nothing where none of its jobs is for these", async () => {
    const outcome = await answered(JSON.stringify({ "dure-spawn": some }), "application/json", { queues: ["other"] });
    expect(outcome).toMatchObject({ ok: true, warning: { code: "spawn-refused" } });
    expect(outcome).not.toHaveProperty("spawn");
  });

  test("is warned in few words, however many queues its answer names", async () => {
    const jobs = Array.from({ length: 100 }, (_, n) => ({ queue: `q${n}`.padEnd(63, "x"), payload: n }));
    const outcome = await answered(JSON.stringify({ "dure-spawn": jobs }), "application/json", { queues: ["other"] });
    expect(outcome.ok ? outcome.warning?.message.length : 0).toBe(500);
  });
});

describe("the work loop", () => {
  test("sends a report again that was put off, and no other", async () => {
    const shard = new ScriptedShard();
    shard.backlog = [item(1), item(2)];
    const ports = shard.ports();
    let calls = 0;
    const work: typeof ports.work = async (request) => {
      const reply = await ports.work(request);
      if (++calls !== 2) return reply;
      shard.reported.delete("lease-2");
      return { ...reply, reports: [{ status: "recorded" }, { status: "busy", retryAfterMs: 100 }] };
    };
    await shard.until(runWorkLoop({ ...ports, work }, shard.options()));
    const sent = shard.calls.map(({ at, request }) => [at, request.reports.map(({ lease }) => lease)]);
    expect(sent.slice(1)).toEqual([
      [3, ["lease-1", "lease-2"]],
      [expect.any(Number), ["lease-2"]],
    ]);
    expect(Number(sent[2]?.[0])).toBeGreaterThanOrEqual(100);
    expect(shard.events).toEqual([]);
  });

  test("bounds a call by the jobs that its reports bring, too", async () => {
    const shard = new ScriptedShard();
    shard.backlog = Array.from({ length: 20 }, (_, n) => item(n));
    const payload = "x".repeat(1024 * 1024);
    shard.outcome = () => ({ ok: true, result: null, resultTruncated: false, spawn: [{ ...plain, payload }] });
    await shard.until(runWorkLoop(shard.ports(), shard.options()));
    const sizes = shard.calls.map(({ request }) => request.reports.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
    expect(shard.reported.size).toBe(20);
  });
});
