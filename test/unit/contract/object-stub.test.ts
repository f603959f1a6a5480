import { expect, test } from "vitest";
import { objectStub, type PlacementVariables } from "../../../contract/object-stub.ts";

/** What a namespace was asked for a stub. */
function asked(variables: PlacementVariables): unknown[] {
  const calls: unknown[] = [];
  const namespace = {
    getByName: (...args: unknown[]) => calls.push(["getByName", ...args]),
    jurisdiction: (name: string) => {
      calls.push(["jurisdiction", name]);
      return namespace;
    },
  };
  objectStub(namespace as unknown as DurableObjectNamespace<undefined>, "shard-3", variables);
  return calls;
}

test.each<[PlacementVariables, unknown[]]>([
  [{}, [["getByName", "shard-3"]]],
  [{ LOCATION: "", JURISDICTION: "" }, [["getByName", "shard-3"]]],
  [{ LOCATION: "weur" }, [["getByName", "shard-3", { locationHint: "weur" }]]],
  [{ LOCATION: "mars" }, [["getByName", "shard-3"]]],
  [
    { JURISDICTION: "eu" },
    [
      ["jurisdiction", "eu"],
      ["getByName", "shard-3"],
    ],
  ],
  [
    { LOCATION: "eeur", JURISDICTION: "eu" },
    [
      ["jurisdiction", "eu"],
      ["getByName", "shard-3", { locationHint: "eeur" }],
    ],
  ],
])("%j: the stub is made where the variables say", (variables, calls) => {
  expect(asked(variables)).toEqual(calls);
});
