import { expect, it } from "vitest";
import { retiredWords } from "./retired.ts";
import { RETIRED_WORDS } from "./retired-words.ts";

const inFile = (text: string, file = "durable-objects/shard/jobs/x.ts") => retiredWords(new Map([[file, text]]));

it.each([
  ["export class Turn {}", "the name Turn is retired: say Step"],
  ["interface Told {}", "say LogPosition"],
  ["type Met = 1;", "the name Met is retired"],
  ["function settleLine() {}", "the name settleLine is retired"],
  ["const settle = () => 1;", "the name settle is retired"],
  ["class A { #settle() {} }", "the name settle is retired"],
  ["class A { get courier() { return 1; } }", "the name courier is retired"],
  ["export const NOTHING_HELD = [];", "the name NOTHING_HELD is retired"],
  ["interface Row { held: number }", "countsTowardLimit"],
  ["const { row: held } = found;", "the name held is retired"],
  ["function run(turn: Step) {}", "the name turn is retired: say step"],
  ["const store = { bury: () => 1 };", "say storeDeadLetter"],
  ["interface Store { act: () => void }", "say applyDeadline"],
  ["// The courier brings it.", 'the comment says "courier"'],
  ["const a = `x`; /* Whose key stands\n * still. */", 'the comment says "stands still"'],
  ["function f() {\n  return 1; // see `Told`\n}", ":2: the comment names `Told`"],
  ["/** As `followClock()` does. */\nconst a = 1;", "the comment names `followClock`"],
  ["const a = 1;\n// The gate is settled at the end.", 'the comment says "gate is settled"'],
])("a retired word is found: %s", (text, message) => {
  const found = inFile(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["contract/rpc/told.ts", "log-position.ts"],
  ["domain/seen.ts", "version-vector.ts"],
  ["test/unit/domain-seen.test.ts", "version-vector.ts"],
  ["test/unit/shard-told.test.ts", "log-position.ts"],
  ["durable-objects/shard/waiting.ts", "demand.ts"],
  ["workers/gateway/http/held-answer.ts", "what is held"],
  ["client/hand.ts", "inFlight"],
])("a retired file name is found: %s", (file, message) => {
  const found = inFile("export {};", file);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["promises settle in JavaScript", "const settled = await Promise.allSettled(all); // They have settled."],
  ["a name that only begins alike", "const handler = 1; const standing = 2; const actor = 3; const turned = 4;"],
  ["a use of a name", 'import { Turn } from "x"; turn.lift(); send({ held: 1 }); const { held } = reply;'],
  [
    "the event loop's turn, and whose turn it is",
    "// One turn of the event loop; whose turn it is; held for a moment.",
  ],
  ["ordinary words as values", "const known = new Set(); const seen = 1; const place = 2; const dead = 3;"],
  [
    "what looks like a comment in a text",
    'const url = "http://courier"; const t = `/* parcel */`; const r = /\\/\\/ vouched/;',
  ],
])("what is not retired is let pass: %s", (_, text) => {
  expect(inFile(text)).toEqual([]);
});

it("ordinary English is free in tests, and retired types are not", () => {
  expect(inFile("const held = 1; class World {} function settle() {}", "test/unit/x.test.ts")).toEqual([]);
  expect(inFile("interface Told {}", "test/unit/x.test.ts")).toHaveLength(1);
});

it("no row of the table is searched with a state, and each says what to say", () => {
  expect(RETIRED_WORDS.filter(({ word, say }) => word.global || word.sticky || say === "")).toEqual([]);
});
