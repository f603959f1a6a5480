import { afterEach, expect, test, vi } from "vitest";
import { environmentVariable } from "../../../client/src/environment.ts";
import { Dure } from "../../../client/src/index.ts";
import { fakeServer } from "../../rigs/client-fakes.ts";

afterEach(() => vi.unstubAllEnvs());

test.each([
  ["Node", { process: { env: { X: "here" } } }, "here"],
  ["Deno", { Deno: { env: { get: (name: string) => (name === "X" ? "here" : undefined) } } }, "here"],
  ["a Worker without variables", { process: {} }, undefined],
  ["a browser", {}, undefined],
])("a variable is read in %s", (_, runtime, value) => {
  expect(environmentVariable("X", runtime)).toBe(value);
});

test("a variable that may not be read is not there", () => {
  const get = () => {
    throw new Error("NotCapable");
  };
  expect(environmentVariable("X", { Deno: { env: { get } } })).toBeUndefined();
});

test("DURE_URL and DURE_KEY are the defaults; options stand above them", async () => {
  vi.stubEnv("DURE_URL", "http://dure/");
  vi.stubEnv("DURE_KEY", "dure_k_s");
  const { fetch, seen } = fakeServer(() => ({ body: { id: "job_1" } }));
  await new Dure({ fetch }).get("job_1");
  await new Dure({ fetch, key: "dure_other" }).get("job_1");
  expect(seen.map(({ path, headers }) => [path, headers.authorization])).toEqual([
    ["/v1/jobs/job_1", "Bearer dure_k_s"],
    ["/v1/jobs/job_1", "Bearer dure_other"],
  ]);
});

test.each([
  ["url", { key: "k" }, "DURE_URL"],
  ["key", { url: "http://dure" }, "DURE_KEY"],
])("without a %s there is a sentence that says how to give it", (name, options, variable) => {
  vi.stubEnv("DURE_URL", "");
  vi.stubEnv("DURE_KEY", "");
  expect(() => new Dure(options)).toThrow(
    `Dure has no ${name}: give the option ${name}, or set the environment variable ${variable}.`,
  );
});
