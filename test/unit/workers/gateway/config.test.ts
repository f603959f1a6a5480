import { expect, test } from "vitest";
import { configOf } from "../../../../workers/gateway/config.ts";
import { ROOT_KEY } from "../../../rigs/gateway-rig.ts";
import { MASTER_KEY } from "../../../rigs/master-key.ts";

function configured(variables: Record<string, string>) {
  const plain = {
    DURE_ROOT_KEY: ROOT_KEY,
    DURE_MASTER_KEY: MASTER_KEY,
    RATE_LIMIT: "0",
    WAITS_PER_KEY: "0",
    WAITS_PER_NAMESPACE: "0",
    ALLOW_PRIVATE_TARGETS: "false",
  };
  return configOf({ ...plain, ...variables } as unknown as Env);
}

test.each([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
  ["", false],
])("ALLOW_PRIVATE_TARGETS=%s is %s", (text, on) => {
  const { targets, refusal } = configured({ ALLOW_PRIVATE_TARGETS: text });
  expect([targets.allowPrivate, refusal]).toEqual([on, null]);
});

test.each([
  [{ ALLOW_PRIVATE_TARGETS: "yes" }, "ALLOW_PRIVATE_TARGETS is `true`"],
  [{ METRICS: "Public" }, "METRICS is `key` or `public`"],
  [{ RATE_LIMIT: "ten" }, "RATE_LIMIT is a whole number"],
  [{ WAITS_PER_KEY: "" }, "WAITS_PER_KEY is a whole number"],
  [{ WAITS_PER_NAMESPACE: "1e3" }, "WAITS_PER_NAMESPACE is a whole number"],
])("%j serves nobody, and says why", (variables, why) => {
  const { targets, metricsPublic, refusal } = configured(variables);
  expect(refusal).toContain(why);
  expect([targets.allowPrivate, metricsPublic]).toEqual([false, false]);
});

test("METRICS is public where it says so, and asks for a key otherwise", () => {
  expect(
    [{}, { METRICS: "" }, { METRICS: "key" }, { METRICS: "public" }].map((v) => configured(v).metricsPublic),
  ).toEqual([false, false, false, true]);
});
