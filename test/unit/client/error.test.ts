import { expect, expectTypeOf, test } from "vitest";
import { answerError, DureError, type DureErrorCode, networkError } from "../../../client/src/error.ts";
import { PROBLEMS, type ProblemCode } from "../../../contract/problem.ts";
import { problemBody } from "../../rigs/client-fakes.ts";

test("every code of the API is known, and no other is in the type", () => {
  for (const code of Object.keys(PROBLEMS)) {
    expect(answerError(400, JSON.stringify(problemBody(400, code).body), null).code).toBe(code);
  }
  expectTypeOf<DureErrorCode>().toEqualTypeOf<ProblemCode | "network" | "unknown">();
});

test("a code of a newer server is unknown, and its own words are kept", () => {
  const error = answerError(409, JSON.stringify(problemBody(409, "from-tomorrow").body), null);
  expect(error).toMatchObject({ code: "unknown", status: 409, problem: { code: "from-tomorrow" } });
});

test.each([["<html>502</html>"], ["null"], ["7"], ['{"code": 7, "status": 400}'], [""]])(
  "a body that is no problem (%s) gives an error all the same",
  (body) => {
    expect(answerError(502, body, "3")).toMatchObject({ code: "unknown", status: 502, retryAfterMs: 3000 });
  },
);

test("no answer is the code network and the status 0", () => {
  const cause = new TypeError("connection reset");
  expect(networkError(cause)).toMatchObject({ code: "network", status: 0, isUncertain: true, cause });
  expect(networkError(cause)).toBeInstanceOf(DureError);
});

test("the message names the first fault, and how many more there are", () => {
  const { body } = problemBody(400, "invalid-request");
  const errors = [
    { pointer: "/delay", detail: "delay is in seconds." },
    { pointer: "", detail: "The request is a JSON object." },
  ];
  const message = (faults: unknown) =>
    answerError(400, JSON.stringify({ ...(body as object), errors: faults }), null).message;
  expect(message(errors)).toMatch(/ \/delay: delay is in seconds\. \(and 1 more\)$/);
  expect(message(errors.slice(1))).toMatch(/ The request is a JSON object\.$/);
  expect(message([])).toBe(message(undefined));
  expect(message(7)).toBe(message(undefined));
});
