import { expect, test } from "vitest";
import { rateHeaders } from "../../../../../workers/gateway/access/rate-verdict.ts";

test("budgets are told as draft 10 has it: an item for each policy, under the same name in both fields", () => {
  const quota = { units: 10, windowMs: 10_000 };
  const ofKey = { name: "default", quota, left: 7, resetSeconds: 3 };
  expect(rateHeaders({ refused: null, policies: [ofKey] })).toEqual({
    "ratelimit-policy": '"default";q=10;w=10',
    ratelimit: '"default";r=7;t=3',
  });
  const ofAll = { name: "namespace", quota: { units: 99, windowMs: 10_000 }, left: 0, resetSeconds: 1 };
  expect(rateHeaders({ refused: { by: "namespace", seconds: 1 }, policies: [ofKey, ofAll] })).toEqual({
    "ratelimit-policy": '"default";q=10;w=10, "namespace";q=99;w=10',
    ratelimit: '"default";r=7;t=3, "namespace";r=0;t=1',
  });
});
