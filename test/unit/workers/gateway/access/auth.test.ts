import { expect, test } from "vitest";
import { bearerToken } from "../../../../../workers/gateway/access/auth.ts";

test.each<[string | undefined, string | null]>([
  [undefined, null],
  ["", null],
  ["Bearer abc", "abc"],
  ["bearer  abc ", "abc"],
  ["Basic abc", null],
  ["Bearer", null],
  ["Bearer a b", null],
])("the bearer token of %j is %j", (header, token) => {
  expect(bearerToken(header)).toBe(token);
});
