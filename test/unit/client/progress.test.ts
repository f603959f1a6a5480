import { describe, expect, test } from "vitest";
import { Dure, JsonText } from "../../../client/src/index.ts";
import { writeJson } from "../../../client/src/json-text.ts";
import { extendBody, normalizeProgress } from "../../../client/src/progress.ts";

const EXTENDED = JSON.stringify({ leaseExpiresAt: "2026-12-01T00:00:00Z", cancelled: false });

/** The body of a heartbeat by `leases.extend` with this checkpoint. */
async function bodyOf(checkpoint: unknown): Promise<string | undefined> {
  let sent: string | undefined;
  const fetch = async (_: string, init: { body?: string | undefined }) => {
    sent = init.body;
    return { status: 200, headers: { get: () => null }, text: async () => EXTENDED };
  };
  await new Dure({ url: "http://dure", key: "k", fetch }).leases.extend("l", undefined, { checkpoint });
  return sent;
}

const MANY = `[${"1e20,".repeat(12_000)}1]`; // 60,003 bytes, and 252,003 as `JSON.stringify` writes the values.

describe("a checkpoint that is given as text", () => {
  test.each<[title: string, checkpoint: unknown, sent: string]>([
    ["a number beyond a double", new JsonText("1e400"), "1e400"],
    ["one in a list", new JsonText("[1e400]"), "[1e400]"],
    ["digits that a value has not", new JsonText("1.0"), "1.0"],
    ["minus zero", new JsonText("-0"), "-0"],
    ["many short texts of long values", new JsonText(MANY), MANY],
    ["texts among values", { id: new JsonText("3889108265204450030"), n: 1 }, '{"id":3889108265204450030,"n":1}'],
    ["null", new JsonText(" null "), "null"],
    ["a text that says what its value says", new JsonText('{"a":1}'), '{"a":1}'],
  ])("is sent as that text: %s", async (_, checkpoint, sent) => {
    expect(writeJson(extendBody(undefined, normalizeProgress({ checkpoint })))).toBe(`{"checkpoint":${sent}}`);
    expect(await bodyOf(checkpoint)).toBe(`{"lease":"l","checkpoint":${sent}}`);
  });

  test.each<[title: string, text: string, fits: boolean]>([
    ["65,536 bytes with space inside", `[${" ".repeat(65_534)}]`, true],
    ["65,537 bytes with space inside", `[${" ".repeat(65_535)}]`, false],
    ["65,537 bytes of zeros behind the point", `1.${"0".repeat(65_535)}`, false],
    ["characters of three bytes", `"${"\u20ac".repeat(21_845)}"`, false],
    ["space around it, which is not sent", ` ${" ".repeat(70_000)}1 `, true],
  ])("is measured by its own bytes: %s", async (_, text, fits) => {
    const said = () => normalizeProgress({ checkpoint: new JsonText(text) });
    if (fits) expect(said()).toEqual({ checkpoint: text.trim() });
    else expect(said).toThrow(new RangeError("the checkpoint is larger than 65536 bytes"));
    const sent = bodyOf(new JsonText(text));
    await (fits ? expect(sent).resolves.toBeDefined() : expect(sent).rejects.toThrow(RangeError));
  });
});
