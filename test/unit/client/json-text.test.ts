import { describe, expect, test } from "vitest";
import { forRpc, JsonText, readAnswer, writeJson } from "../../../client/src/json-text.ts";
import { randomText } from "../../rigs/json-texts.ts";
import { Random } from "../../simulation/random.ts";

describe("a JSON text in place of a value", () => {
  test.each<[unknown, string]>([
    [new JsonText(" 1e400 "), "1e400"],
    [{ payload: new JsonText('{"b": 1.0}'), tags: ["a"] }, '{"payload":{"b": 1.0},"tags":["a"]}'],
    [
      { jobs: [{ payload: new JsonText("-0") }, { payload: undefined, at: new Date(0) }, undefined] },
      '{"jobs":[{"payload":-0},{"at":"1970-01-01T00:00:00.000Z"},null]}',
    ],
    [{ payload: 1 }, '{"payload":1}'],
  ])("is written as it is: %#", (value, text) => {
    expect(writeJson(value)).toBe(text);
  });

  test("is its value to another writer, and none of what is no JSON", () => {
    expect(JSON.stringify([new JsonText("1.0")])).toBe("[1]");
    expect(() => new JsonText("01")).toThrow(SyntaxError);
  });

  test("goes over RPC under a name of its own", () => {
    expect(forRpc([{ ok: true, result: new JsonText("1.0"), at: new Date(0), not: undefined }])).toEqual([
      { ok: true, resultText: "1.0", at: "1970-01-01T00:00:00.000Z", not: undefined },
    ]);
  });
});

describe("an answer", () => {
  test("has texts beside what may be any value, wherever that is", () => {
    const answer =
      '{"jobs":[{"id":"a", "payload" : {"payload":1.0} ,"checkpoint":null},{"result":-0,"payload":"}\\"]"}],"next":{"a":[[],{}]}}';
    expect(readAnswer(answer)).toEqual({
      jobs: [
        { id: "a", payload: { payload: 1 }, payloadText: '{"payload":1.0}', checkpoint: null },
        { result: -0, resultText: "-0", payload: '}"]', payloadText: '"}\\"]"' },
      ],
      next: { a: [[], {}] },
    });
    expect(readAnswer('{"pay\\u006coad":1.0,"\\"":2}')).toEqual({ payload: 1, payloadText: "1.0", '"': 2 });
    expect(readAnswer("[1,null]")).toEqual([1, null]);
    expect(readAnswer('"payload"')).toBe("payload");
  });

  test("whatever the texts are", () => {
    const random = new Random(11);
    for (let i = 0; i < 500; i++) {
      const text = randomText(random);
      if (text === "null") continue;
      const answer = `{"items":[{"payload":${text},"result":${text}},1,{"payload":${text}}]}`;
      const one = { payload: JSON.parse(text), payloadText: text };
      expect(readAnswer(answer)).toEqual({ items: [{ ...one, result: one.payload, resultText: text }, 1, one] });
    }
  });
});
