import { describe, expect, test } from "vitest";
import { REQUESTS } from "../../../contract/components.ts";
import { JsonText } from "../../../contract/json-text.ts";
import { asValues, givenTexts, readValue } from "../../../contract/json-values.ts";
import { textMembersOf } from "../../../contract/text-members.ts";

const SUBMIT = textMembersOf(REQUESTS.SubmitRequest);
const BATCH = textMembersOf(REQUESTS.BatchRequest);

describe("what is sent as a value", () => {
  test.each<[string, unknown, unknown]>([
    ["a value has its text", { payload: { a: 1 } }, { payload: new JsonText('{"a":1}') }],
    ["a text is taken as it is", { payloadText: "1.0", queue: "a" }, { payload: new JsonText("1.0"), queue: "a" }],
    ["but for space around it", { payloadText: " 1.0\n" }, { payload: new JsonText("1.0") }],
    ["what is no JSON stays where it is", { payloadText: "01" }, { payloadText: "01" }],
    [
      "and so does a text beside its value",
      { payload: 1, payloadText: "1" },
      { payload: new JsonText("1"), payloadText: "1" },
    ],
    [
      "and one of what is no member",
      { queueText: '"a"', payload: 0 },
      { queueText: '"a"', payload: new JsonText("0") },
    ],
  ])("%s", (_, value, read) => {
    expect(readValue(value, SUBMIT)).toEqual({ type: "value", value: read });
  });

  test("in each job of a batch", () => {
    const { type, value } = readValue({ jobs: [{ payloadText: "-0" }, { payload: null }] }, BATCH) as {
      type: string;
      value: unknown;
    };
    expect(type).toBe("value");
    expect(value).toEqual({ jobs: [{ payload: new JsonText("-0") }, { payload: new JsonText("null") }] });
  });

  test("what has no JSON text is refused", () => {
    const cycle: Record<string, unknown> = {};
    cycle.payload = cycle;
    expect(readValue(cycle, SUBMIT)).toMatchObject({ type: "fault", detail: "is not JSON" });
    expect(readValue({ payload: 1n }, SUBMIT)).toMatchObject({ type: "fault", detail: "is not JSON" });
    expect(givenTexts(1, SUBMIT)).toBe(1);
  });
});

test("a view as values has each text beside its value", () => {
  const view = { jobs: [{ id: "a", payload: new JsonText("1e2"), result: null }], at: "x" };
  expect(asValues(view)).toEqual({ jobs: [{ id: "a", payload: 100, payloadText: "1e2", result: null }], at: "x" });
  expect(asValues(new JsonText("[1.0]"))).toEqual([1]);
});
