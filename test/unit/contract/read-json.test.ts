import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchBody } from "../../../contract/batch.ts";
import { REQUESTS } from "../../../contract/components.ts";
import { JsonText, writeJson } from "../../../contract/json-text.ts";
import { MAX_JSON_DEPTH, MAX_JSON_NAMES, MAX_JSON_TEXTS, MAX_JSON_VALUES } from "../../../contract/limits.ts";
import { type ReadJson, readJson } from "../../../contract/read-json.ts";
import { textMembersOf } from "../../../contract/text-members.ts";

const SUBMIT = textMembersOf(REQUESTS.SubmitRequest);

function soundly(read: ReadJson): unknown {
  if (read.type === "fault") throw new Error(`${read.pointer} ${read.detail}`);
  return read.value;
}

/** Every spelling that a value could be given and a double, or a writer, would lose. */
const TEXTS = [
  "3889108265204450030",
  "1e400",
  "-0",
  "1.0",
  "1E+2",
  '{"b":1,"a":2,"b":3}',
  '{ "a" :\t[ 1 ,2 ] }',
  '"\\u00e9\\/\\ud800"',
  '{"__proto__":{"a":1}}',
  "7".repeat(5000),
  "null",
];

describe("a payload is the text that was sent", () => {
  test.each(TEXTS)("%.40s", (text) => {
    const value = soundly(readJson(`{"queue":"a", "payload" : ${text} ,"delay":1.50}`, SUBMIT));
    expect(value).toEqual({ queue: "a", payload: new JsonText(text), delay: 1.5 });
  });

  test("and what is none is the value that JSON.parse makes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(soundly(readJson(text, null))).toStrictEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  test("in every item of a batch, and under a name that is written with escapes", () => {
    const jobs = TEXTS.map((text, i) => `{"tags":["${i}"],"p\\u0061yload":${text}}`);
    const value = soundly(readJson(`{"jobs":[${jobs.join(" , ")}],"atomic":true}`, textMembersOf(BatchBody)));
    const read = TEXTS.map((text, i) => ({ tags: [String(i)], payload: new JsonText(text) }));
    expect(value).toEqual({ jobs: read, atomic: true });
  });

  test("and what merely has its name elsewhere is a value like any other", () => {
    expect(soundly(readJson('{"retry":{"payload":1.0},"payload":[]}', SUBMIT))).toEqual({
      retry: { payload: 1 },
      payload: new JsonText("[]"),
    });
    expect(soundly(readJson('[{"payload":1.0}]', SUBMIT))).toEqual([{ payload: 1 }]);
    expect(soundly(readJson('"payload"', SUBMIT))).toBe("payload");
  });

  test.each<[keyof typeof REQUESTS, string]>([
    ["SucceedRequest", '{"result":?,"spawn":[{"payload":?}]}'],
    ["ExtendLeaseRequest", '{"checkpoint":?}'],
    ["ReportsRequest", '{"reports":[{"ok":true,"result":?,"spawn":[{"payload":?}]}]}'],
    ["RedriveRequest", '{"patch":?}'],
    ["ScheduleRequest", '{"job":{"payload":?}}'],
    ["SchedulePatch", '{"job":{"payload":?}}'],
    ["IngestMessage", '{"job":{"payload":?},"jobs":[{"payload":?}]}'],
  ])("%s keeps what may be any value", (name, body) => {
    const sent = body.replaceAll("?", "1.0");
    expect(writeJson(soundly(readJson(sent, textMembersOf(REQUESTS[name]))))).toBe(sent);
  });
});

describe("what is refused", () => {
  test.each<[string, string, string]>([
    ['{"payload":1,"payload":2}', "/payload", "is named twice"],
    ['{"payload":1,"pay\\u006coad":2}', "/payload", "is named twice"],
    ['{"payload":1,"retry":{"delay":1,"delay":2}}', "/retry/delay", "is named twice"],
    ['{"a/b~":1,"a/b~":2}', "/a~1b~0", "is named twice"],
    ['{"payload":1e}', "", "is not JSON: line 1, character 14"],
    ['{"payload":1', "", "is not JSON: it ends too early"],
    ['{"payload":1}}', "", "is not JSON: line 1, character 14"],
    ['{"payload":}', "", "is not JSON: line 1, character 12"],
    ['\n{\r\n"payload": 1,\n}', "", "is not JSON: line 4, character 1"],
    ['{"tags":\n["a",\n  "b"\n  "é', "", "is not JSON: line 4, character 3"],
    ["", "", "is empty"],
    [" \n", "", "is empty"],
    [`{"payload":${"[".repeat(MAX_JSON_DEPTH)}`, "", "nests deeper than 512 levels"],
    [`{"payload":0,"x":${"[".repeat(MAX_JSON_DEPTH)}`, "", "nests deeper than 512 levels"],
    [
      `[${"0,".repeat(MAX_JSON_VALUES)}0]`,
      `/${MAX_JSON_VALUES - 1}`,
      "is one of more than 50,000 values, payloads and the like not counted",
    ],
    [
      `{${Array.from({ length: MAX_JSON_NAMES + 1 }, (_, i) => `"${i}":0`).join(",")}}`,
      "",
      "has one of more than 200 names of members, payloads and the like not counted",
    ],
  ])("%.60s", (text, pointer, detail) => {
    expect(readJson(text, SUBMIT)).toEqual({ type: "fault", pointer, detail });
  });

  test("more payloads than any call brings", () => {
    const batch = (jobs: number) => `{"jobs":[${'{"payload":0},'.repeat(jobs - 1)}{"payload":0}]}`;
    expect(readJson(batch(MAX_JSON_TEXTS), textMembersOf(BatchBody)).type).toBe("value");
    expect(readJson(batch(MAX_JSON_TEXTS + 1), textMembersOf(BatchBody))).toEqual({
      type: "fault",
      pointer: `/jobs/${MAX_JSON_TEXTS}/payload`,
      detail: "is one of more than 11,000 payloads and the like",
    });
  });

  test("a member may be called as an object's own are", () => {
    const text = '{"payload":0,"__proto__":{"a":1},"constructor":2}';
    const read = readJson(text, SUBMIT);
    expect(read.type === "value" && writeJson(read.value)).toBe(text);
    expect(Object.getPrototypeOf(soundly(read))).toBe(Object.prototype);
  });

  test("two members of one name in a payload are its sender's business, as is how deep it nests below the limit", () => {
    const deepest = "[".repeat(MAX_JSON_DEPTH - 1) + "]".repeat(MAX_JSON_DEPTH - 1);
    expect(readJson(`{"payload":${deepest}}`, SUBMIT).type).toBe("value");
    expect(readJson('{"payload":{"a":1,"a":2}}', SUBMIT).type).toBe("value");
  });
});
