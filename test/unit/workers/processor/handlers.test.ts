import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HANDLER_NAMES } from "../../../../contract/handlers.ts";
import { JsonText } from "../../../../contract/json-text.ts";
import { MAX_RESULT_BYTES } from "../../../../contract/limits.ts";
import type { ProgressPatch } from "../../../../contract/rpc.ts";
import { handlerExecutor } from "../../../../workers/processor/executors/handler.ts";
import { type Handler, HandlerFailure, type JsonValue } from "../../../../workers/processor/handler.ts";
import { handlerOf, handlers } from "../../../../workers/processor/load-handlers.ts";
import { Stopper } from "../../../../workers/processor/stopper.ts";
import { item } from "../../../rigs/scripted-shard.ts";

function run(name: string, payload: string, registry: Record<string, Handler> = handlers) {
  return handlerExecutor(registry, Date.now)(item(1, { payload, attempt: 3 }), name, new Stopper());
}

async function wordcount(text: string): Promise<JsonValue> {
  const outcome = await run("wordcount", JSON.stringify({ text }));
  if (!outcome.ok) throw new Error(outcome.error.message);
  return JSON.parse(outcome.result ?? "null");
}

describe("wordcount", () => {
  test.each<[string, number, Record<string, number>]>([
    ["", 0, {}],
    ["  ,.!\n", 0, {}],
    ["one Two one", 3, { one: 2, two: 1 }],
    ["don't stop", 3, { don: 1, t: 1, stop: 1 }],
    ["snake_case x2 3.14", 5, { snake: 1, case: 1, x2: 1, "3": 1, "14": 1 }],
    ["두레는 함께 일한다. 두레는!", 4, { 두레는: 2, 함께: 1, 일한다: 1 }],
    ["ÉTÉ été", 2, { été: 2 }],
    ["𝒜𝒷 ٣٤", 2, { 𝒜𝒷: 1, "٣٤": 1 }],
    ["\u0130stanbul", 1, { "i\u0307stanbul": 1 }],
    ["e\u0301te", 2, { e: 1, te: 1 }],
    ["constructor toString constructor", 3, { constructor: 2, tostring: 1 }],
  ])("%j has %i words", async (text, words, counts) => {
    expect(await wordcount(text)).toEqual({ words, counts });
  });

  test("a word that names an object's innards is counted like any other", async () => {
    const outcome = await run("wordcount", JSON.stringify({ text: "__proto__ proto constructor hasOwnProperty" }));
    // An underscore is neither letter nor digit, so "__proto__" counts as "proto".
    expect(outcome).toMatchObject({
      ok: true,
      result: '{"words":4,"counts":{"proto":2,"constructor":1,"hasownproperty":1}}',
    });
  });

  test.each(["null", "[]", '"text"', "{}", '{"text":1}', '{"text":null}', '{"__proto__":{"text":"a"}}', "7"])(
    "the payload %s does not fit, and no retry would help",
    async (payload) => {
      expect(await run("wordcount", payload)).toMatchObject({
        ok: false,
        error: { code: "invalid-payload", retryable: false },
      });
    },
  );
});

describe("texts that a value cannot hold", () => {
  const big = '{"id":3889108265204450030,"n":1.0}';

  test("stand beside the payload and the checkpoint, and come back as result and as jobs", async () => {
    const seen: unknown[] = [];
    const handler: Handler = (payload, { payloadText, checkpoint, checkpointText, spawn }) => {
      seen.push(payload, payloadText, checkpoint, checkpointText);
      spawn({ payloadText });
      return new JsonText(payloadText);
    };
    const taken = item(1, { payload: big, checkpoint: "1e2" });
    const outcome = await handlerExecutor({ handler }, Date.now)(taken, "handler", new Stopper());
    expect(seen).toEqual([JSON.parse(big), big, 100, "1e2"]);
    expect(outcome).toMatchObject({ ok: true, result: big, spawn: [{ payload: big }] });
  });

  test.each<[JsonText, string | null]>([
    [new JsonText("[1.0,-0]"), "[1.0,-0]"],
    [new JsonText("null"), null],
  ])("are kept as a checkpoint: %#", async (checkpoint, kept) => {
    const said: ProgressPatch[] = [];
    const control = Object.assign(new Stopper(), { say: (patch: ProgressPatch) => void said.push(patch) });
    const handler: Handler = async (_, { progress }) => {
      await progress({ percent: 1, checkpoint });
      return null;
    };
    await handlerExecutor({ handler }, Date.now)(item(1), "handler", control);
    expect(said).toEqual([{ percent: 1, checkpoint: kept }]);
  });

  test("are no larger than a checkpoint may be", async () => {
    const checkpoint = new JsonText(`[${" ".repeat(64 * 1024)}]`);
    const big: Handler = async (_, { progress }) => {
      await progress({ checkpoint });
      return null;
    };
    const outcome = await run("big", "1", { big });
    expect(outcome).toMatchObject({ ok: false, error: { code: "handler-error" } });
  });
});

describe("handlers", () => {
  test("every name of the contract has a handler and its file, and there are no others", () => {
    const files = readdirSync("workers/processor/handlers").map((file) => file.replace(/\.ts$/, ""));
    expect(files.sort()).toEqual([...HANDLER_NAMES].sort());
    expect(Object.keys(handlers).sort()).toEqual([...HANDLER_NAMES].sort());
  });

  test.each([{}, { default: { run: 1 } }, { default: undefined }])("a file that exports %j is refused", (module) => {
    expect(() => handlerOf("late", module)).toThrow(
      "The default export of workers/processor/handlers/late.ts has to be its Handler.",
    );
  });

  test("noop succeeds with no result", async () => {
    expect(await run("noop", '{"any":"thing"}')).toEqual({ ok: true, result: null, resultTruncated: false });
  });

  test("a handler is given the payload, the job, the attempt and the signal", async () => {
    const echo: Handler = (payload, { jobId, attempt, signal }) => ({
      payload,
      jobId,
      attempt,
      aborted: signal.aborted,
    });
    const outcome = await run("echo", '{"a":[1]}', { echo });
    expect(outcome).toMatchObject({
      ok: true,
      result: '{"payload":{"a":[1]},"jobId":"job-1","attempt":3,"aborted":false}',
    });
  });

  test("a handler goes on from its checkpoint, and says how far it is", async () => {
    const patch: ProgressPatch[] = [];
    const counting: Handler = async (_, { checkpoint, progress }) => {
      const state = { page: (checkpoint as { page: number } | null)?.page ?? 0 };
      state.page += 1;
      await progress({ percent: 101, message: "두레 ".repeat(400), checkpoint: state });
      // What it does to its state afterwards does not reach the checkpoint.
      state.page = -1;
      await progress({ checkpoint: null });
      await progress({ percent: -1 });
      return null;
    };
    const control = new Stopper((what) => patch.push(what));
    const job = item(1, { checkpoint: '{"page":6}' });
    expect(await handlerExecutor({ counting }, Date.now)(job, "counting", control)).toMatchObject({ ok: true });
    expect(patch).toMatchObject([{ percent: 100, checkpoint: '{"page":7}' }, { checkpoint: null }, { percent: 0 }]);
    const [{ message = "" } = {}] = patch;
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(message)).toBeGreaterThan(1020);
  });

  test.each<[string, unknown]>([
    ["too large", "x".repeat(64 * 1024)],
    ["no JSON", 1n],
    ["a function", () => 1],
  ])("a checkpoint that is %s fails the attempt there, waited for or not", async (_, checkpoint) => {
    const patch: ProgressPatch[] = [];
    for (const bad of [
      async (...[, { progress }]: Parameters<Handler>) => progress({ checkpoint }).then(() => null),
      (...[, { progress }]: Parameters<Handler>) => {
        void progress({ checkpoint });
        return null;
      },
    ]) {
      const outcome = await handlerExecutor({ bad }, Date.now)(item(1), "bad", new Stopper((what) => patch.push(what)));
      expect(outcome).toMatchObject({ ok: false, error: { code: "handler-error", retryable: true } });
    }
    expect(patch).toEqual([]);
  });

  test.each<[string, Handler, { code: string; retryable: boolean }]>([
    [
      "throws",
      () => {
        throw new TypeError("bad luck");
      },
      { code: "handler-error", retryable: true },
    ],
    ["rejects", () => Promise.reject(new Error("later")), { code: "handler-error", retryable: true }],
    [
      "throws what is no error",
      () => {
        throw "text";
      },
      { code: "handler-error", retryable: true },
    ],
    [
      "says that no retry helps",
      () => {
        throw new HandlerFailure("gone", "no such user", { retryable: false });
      },
      { code: "gone", retryable: false },
    ],
    ["returns too much", () => "x".repeat(MAX_RESULT_BYTES), { code: "result-too-large", retryable: false }],
  ])("a handler that %s fails the attempt", async (_, bad, error) => {
    expect(await run("bad", "1", { bad })).toMatchObject({ ok: false, error });
  });

  test.each(["nothing", "toString", "__proto__"])("the handler %s is not here", async (name) => {
    expect(await run(name, "1")).toMatchObject({ ok: false, error: { code: "handler-not-found", retryable: true } });
  });

  test("the largest result that fits is kept whole", async () => {
    const text = "x".repeat(MAX_RESULT_BYTES - 2);
    expect(await run("big", "1", { big: () => text })).toMatchObject({ ok: true, result: `"${text}"` });
  });
});
