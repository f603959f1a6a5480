import { expect, it } from "vitest";
import { gatewayArrows, PLACES } from "./gateway-arrows.ts";

const GATEWAY = "workers/gateway/";

/** A gateway of three places, in this order, over which `files` are laid. */
function gateway(files: Record<string, string>): string[] {
  const all = { "log.ts": "", "jobs/x.ts": "", "api/x.ts": "", ...files };
  return gatewayArrows(new Map(Object.entries(all).map(([path, text]): [string, string] => [GATEWAY + path, text])), [
    "log.ts",
    "jobs",
    "api",
  ]);
}

it.each([
  ["jobs/x.ts", 'import { x } from "../api/x.ts";', "jobs may not import"],
  ["jobs/deep/x.ts", 'import type { X } from "../../api/x.ts";', "as api does not come before it"],
  ["log.ts", 'import { x } from "./jobs/x.ts";', "log.ts may not import"],
])("a wrong arrow is found: %s %s", (file, text, message) => {
  const found = gateway({ [file]: text });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it("arrows to earlier places, within a place and out of the gateway are let pass", () => {
  expect(
    gateway({
      "api/x.ts": 'import { x } from "../jobs/x.ts"; import { log } from "../log.ts"; import "./y.ts";',
      "api/y.ts": 'import { z } from "../../../contract/job.ts";',
    }),
  ).toEqual([]);
});

it("a file without a place, and a place without a file, are found", () => {
  expect(gateway({ "more/x.ts": "" })).toEqual([`${GATEWAY}more: has no place on the list`]);
  expect(gatewayArrows(new Map([[`${GATEWAY}log.ts`, ""]]), ["log.ts", "jobs"])).toEqual([
    `${GATEWAY}jobs: the list of places names it, and it does not exist`,
  ]);
});

it("the list names each place once", () => {
  expect(new Set(PLACES).size).toBe(PLACES.length);
});
