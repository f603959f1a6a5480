import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultOf, faultText, framesOf } from "../../../domain/fault.ts";

const SECRET = "canary-7f3a";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** As drizzle throws it. */
function queryError(cause: unknown): Error {
  const message = `Failed query: insert into "keys" ("hash") values (?)\nparams: ${SECRET},UNIQUE constraint failed: ${SECRET}`;
  return Object.assign(new Error(message, { cause }), { query: SECRET, params: [SECRET] });
}

describe("what an error is", () => {
  test.each<[string, unknown]>([
    [
      "Error SQLITE_CONSTRAINT: UNIQUE constraint failed: keys.id, keys.hash",
      queryError(new Error("UNIQUE constraint failed: keys.id, keys.hash: SQLITE_CONSTRAINT")),
    ],
    [
      "Error D1_ERROR SQLITE_BUSY: database is locked",
      queryError(new Error("D1_ERROR: database is locked: SQLITE_BUSY")),
    ],
    ["Error: malformed JSON", new Error("malformed JSON")],
    ["Error: Network connection lost", new Error("Network connection lost.")],
    ["Error D1_ERROR: Network connection lost", new Error("D1_ERROR: Network connection lost.")],
    ["Error: D1 DB is overloaded", new Error("D1 DB is overloaded. Requests queued for too long.")],
    ["Error: KV PUT failed: 429", new Error(`KV PUT failed: 429 ${SECRET}`)],
    ["Error: Queue sendBatch failed: Too Many Requests", new Error("Queue sendBatch failed: Too Many Requests")],
    [
      "TimeoutError: The operation was aborted due to timeout",
      thrownBy(() => AbortSignal.abort(timeout()).throwIfAborted()),
    ],
    ["Error: no answer in 250 ms", new Error("no answer in 250 ms")],
    ["Error ECONNREFUSED: #", new TypeError("fetch failed", { cause: refused("http://10.0.0.1/?token=") })],
  ])("is told where it is known: %s", (text, error) => {
    expect(faultText(error).replace(/#[0-9a-f]{8}$/, "#")).toBe(text);
  });

  test.each<[string, unknown]>([
    ["a query's parameters", queryError(new Error(`no such thing: ${SECRET}`))],
    ["JSON that is none", thrownBy(() => JSON.parse(`{"a": ${SECRET}}`))],
    ["a URL that is none", thrownBy(() => new URL(`http://${SECRET}:x`))],
    ["a header that is none", thrownBy(() => new Headers([["x", `${SECRET}\nmore`]]))],
    ["a text", `it was ${SECRET}`],
    ["a name and a code", Object.assign(new Error(SECRET), { name: SECRET, code: SECRET })],
    ["a column's value", new Error(`UNIQUE constraint failed: ${SECRET}`)],
    ["a sentence that goes on", new Error(`Network connection lost-${SECRET}`)],
    ["members of something else", { name: SECRET, message: SECRET, cause: SECRET }],
  ])("never is what it quotes: %s", (_, error) => {
    expect(faultText(error)).not.toContain("canary");
    expect(faultText(error)).toMatch(/^[A-Za-z]+(?: ERR_INVALID_URL)?: (?:#[0-9a-f]{8}|[A-Za-z ]+)$/);
  });

  test("is a sentence known, wherever in the chain of causes it stands first, from within", () => {
    const inner = new Error("Network connection lost.", { cause: new Error(SECRET) });
    expect(faultOf(queryError(inner))).toEqual({ name: "Error", reason: "Network connection lost" });
  });

  test("of many is the first", () => {
    const many = new AggregateError([new RangeError("fetch failed"), new Error("malformed JSON")], SECRET);
    expect(faultOf(many)).toEqual({ name: "RangeError", reason: "fetch failed" });
    expect(faultOf(new AggregateError([], SECRET)).name).toBe("AggregateError");
  });

  test("has one fingerprint for messages that differ in numbers and quotations, and another for another kind", () => {
    const of = (text: string) => faultOf(new Error(text)).reason;
    expect(of('job 12 of "a" is gone')).toBe(of('job 99 of "b" is gone'));
    expect(of("job 12 is gone")).not.toBe(of("job 12 is here"));
  });

  test("is told of causes that go round, that throw, and of what is no error", () => {
    const round = new Error("a");
    round.cause = new Error("b", { cause: round });
    expect(faultOf(round).name).toBe("Error");
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error(SECRET);
        },
      },
    );
    expect(faultText(hostile)).toMatch(/^Error: #/);
    expect(faultText(Object.assign(Object.create(null), { cause: hostile }))).toMatch(/^Error: #/);
    expect([null, undefined, 7, Symbol(SECRET)].map((thrown) => faultOf(thrown).name)).toEqual([
      "null",
      "undefined",
      "number",
      "symbol",
    ]);
  });

  test("is short, of whatever was thrown, and does not throw itself", () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (thrown, message) => {
        expect(faultText(thrown).length).toBeLessThan(300);
        expect(faultText(new Error(message, { cause: thrown })).length).toBeLessThan(300);
      }),
    );
  });
});

describe("where it was thrown", () => {
  test("is told without what it says, though that looks like a frame", () => {
    const error = new Error(`first\n    at ${SECRET} (file.js:1:1)\nlast`);
    const frames = framesOf(error);
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.every((frame) => frame.startsWith("at "))).toBe(true);
    expect(frames.join()).not.toContain(SECRET);
  });

  test("is not told when the message has been changed since", () => {
    const error = new Error(`first\n    at ${SECRET} (file.js:1:1)`);
    expect(error.stack).toContain(SECRET);
    error.message = "other";
    expect(framesOf(error)).toEqual([]);
    expect(framesOf("text")).toEqual([]);
  });
});

function timeout(): DOMException {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}

function refused(url: string): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${url}${SECRET}`), { code: "ECONNREFUSED" });
}
