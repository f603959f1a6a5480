import { expect, it } from "vitest";
import { mirror } from "./mirror.ts";

/** The violations of a tree of these paths. */
function found(paths: string[], excepted: string[] = []): string[] {
  return mirror(new Map(paths.map((path) => [path, ""])), [{ reason: "a test", tests: excepted }]);
}

it.each([
  ["another name", "domain/gates.test.ts", "domain/gate.ts", "domain/gates.ts"],
  [
    "another folder",
    "workers/gateway/scatter.test.ts",
    "workers/gateway/routing/scatter.ts",
    "workers/gateway/scatter.ts",
  ],
  ["a folder too deep", "contract/http/job.test.ts", "contract/job.ts", "contract/http/job.ts"],
  ["the client's built file", "client/log.test.ts", "client/dist/log.ts", "client/src/log.ts"],
  ["no source at all", "durable-objects/shard/x.test.ts", "domain/x.ts", "durable-objects/shard/x.ts"],
])("a test that mirrors no source file is found: %s", (_, test, source, missing) => {
  expect(found([`test/unit/${test}`, source])).toEqual([
    `test/unit/${test}: there is no ${missing}, whose test its name says it is`,
  ]);
});

it("a test beside its source's mirror, a source without a test, and what mirrors no tree are let pass", () => {
  expect(
    found([
      "domain/gate.ts",
      "test/unit/domain/gate.test.ts",
      "client/src/log.ts",
      "test/unit/client/log.test.ts",
      "contract/job.ts",
      "test/unit/contract/tables.ts",
      "test/unit/house/sizes.test.ts",
      "test/workers/clock.test.ts",
    ]),
  ).toEqual([]);
});

it("an exception excuses its test alone, and one that nothing needs is found", () => {
  const tests = ["test/unit/domain/x.test.ts", "test/unit/domain/y.test.ts"];
  expect(found(tests, ["domain/x.test.ts"])).toEqual([
    "test/unit/domain/y.test.ts: there is no domain/y.ts, whose test its name says it is",
  ]);
  expect(found(["domain/x.ts", ...tests.slice(0, 1)], ["domain/x.test.ts", "domain/z.test.ts"])).toEqual([
    "test/unit/domain/x.test.ts: has its source file and needs no exception any more",
    "test/unit/domain/z.test.ts: does not exist and needs no exception any more",
  ]);
});
