import { expect, test } from "vitest";
import { SubmitBody } from "../../../contract/job.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import { submits } from "../../rigs/submit-limits.ts";

test.each([...submits.at, ...submits.over.map(([value]) => value), null, [], 1])(
  "parseSubmit says of %j what the schema says",
  (value) => {
    expect(parseSubmit(value)).toEqual(SubmitBody.safeParse(value));
  },
);

test("a payload goes through untouched, with whatever names it has", () => {
  const body = JSON.parse('{"payload":{"__proto__":{"admin":true},"constructor":1,"\\u0000":"\\ud800"}}') as {
    payload: object;
  };
  expect(SubmitBody.parse(body).payload).toBe(body.payload);
  expect(parseSubmit(body).data?.payload).toBe(body.payload);
  expect(JSON.stringify(body.payload)).toBe('{"__proto__":{"admin":true},"constructor":1,"\\u0000":"\\ud800"}');
});
