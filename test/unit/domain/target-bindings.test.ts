import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { isOwnBinding, parseTargetBindings, targetBindingsFault } from "../../../domain/target-bindings.ts";

const LIST =
  'TARGET_BINDINGS is a list of bindings with their kinds, separated by commas, such as "MAILER:worker, OUT:queue"';

describe("the list of bindings that targets may name", () => {
  test.each<[string, [string, string][]]>([
    ["", []],
    [" , ", []],
    ["MAILER:worker", [["MAILER", "worker"]]],
    [
      " MAILER : worker ,OUT:queue,",
      [
        ["MAILER", "worker"],
        ["OUT", "queue"],
      ],
    ],
  ])("%j is read", (text, expected) => {
    expect(targetBindingsFault(text)).toBeNull();
    expect([...parseTargetBindings(text)]).toEqual(expected);
  });

  test.each([
    ["MAILER", `${LIST}, not "MAILER".`],
    ["MAILER:http", `${LIST}, not "MAILER:http".`],
    ["mailer:worker", `${LIST}, not "mailer:worker".`],
    ["__proto__:worker", `${LIST}, not "__proto__:worker".`],
    [":worker", `${LIST}, not ":worker".`],
    ["OUT:queue, OUT:worker", "TARGET_BINDINGS names OUT twice."],
    ["SHARD:worker", "TARGET_BINDINGS names SHARD, which is one of Dure's own: give the binding another name."],
    [
      "LANE_DEFAULT:queue",
      "TARGET_BINDINGS names LANE_DEFAULT, which is one of Dure's own: give the binding another name.",
    ],
  ])("%j is refused with a sentence", (text, fault) => {
    expect(targetBindingsFault(text)).toBe(fault);
    expect(() => parseTargetBindings(text)).toThrow(fault);
  });
});

interface Toml {
  vars: Record<string, string>;
  secrets: { required: string[] };
  durable_objects: { bindings: { name: string }[] };
  queues: { producers?: { binding: string }[] };
  d1_databases?: { binding: string }[];
  kv_namespaces?: { binding: string }[];
  ratelimits?: { name: string }[];
  services?: { binding: string }[];
}

/** Every name in the environment of a Worker of Dure. */
function namesOf(path: string): string[] {
  const toml = parse(readFileSync(join(import.meta.dirname, "../../..", path), "utf8")) as unknown as Toml;
  return [
    ...Object.keys(toml.vars),
    ...toml.secrets.required,
    ...[...toml.durable_objects.bindings, ...(toml.ratelimits ?? [])].map(({ name }) => name),
    ...[
      ...(toml.queues.producers ?? []),
      ...(toml.d1_databases ?? []),
      ...(toml.kv_namespaces ?? []),
      ...(toml.services ?? []),
    ].map(({ binding }) => binding),
  ];
}

test.each(["wrangler.toml", "workers/processor/wrangler.toml"])("nothing of %s can be on the list", (path) => {
  const names = namesOf(path);
  expect(names).toContain("DB");
  expect([...names, "HISTORY_DB_7", "DURE_MASTER_KEY_PREVIOUS"].filter((name) => !isOwnBinding(name))).toEqual([]);
});

test("names of other things are free", () => {
  expect(["MAILER", "OUT", "MY_DB", "EVENTS_OUT"].filter(isOwnBinding)).toEqual([]);
});
