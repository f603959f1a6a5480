import { expect, it } from "vitest";
import { sizes } from "./sizes.ts";

const lines = (count: number) => "  call();\n".repeat(count);
const inFile = (text: string, file = "domain/x.ts") => sizes(new Map([[file, text]]), []);

it.each([
  ["a long file", "export {};\n".repeat(401), "domain/x.ts: has 401 lines, more than 400"],
  ["a long function", `function long() {\n${lines(49)}}`, "domain/x.ts:1: long has 51 lines"],
  ["a long arrow", `const long = () => {\n${lines(49)}};`, "domain/x.ts:1: long has 51 lines"],
  ["a long method", `class A {\n  long() {\n${lines(49)}}\n}`, "domain/x.ts:2: long has 51 lines"],
  ["a member of an object", `const a = {\n  long() {\n${lines(49)}},\n};`, "domain/x.ts:2: long has 51 lines"],
  ["a long callback", `run(() => {\n${lines(49)}});`, "domain/x.ts:1: a function without a name has 51 lines"],
  [
    "a factory that does much itself",
    `function f() {\n${lines(50)}  return {\n    a() {\n${lines(10)}    },\n  };\n}`,
    "f has 54 lines",
  ],
  ["four parameters", "function wide(a: 1, b: 2, c: 3, d: 4) {}", "domain/x.ts:1: wide takes 4 parameters"],
  ["an optional fourth", "const wide = (a: 1, b: 2, c: 3, d = 4) => a + d;", "wide takes 4 parameters"],
  ["a constructor", "class A { constructor(a: 1, b: 2, c: 3, d: 4) {} }", "constructor of A takes 4 parameters"],
  ["a rest parameter", "function wide(a: 1, b: 2, c: 3, ...d: 4[]) {}", "wide takes 4 parameters"],
])("what is too large is found: %s", (_, text, message) => {
  const found = inFile(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["400 lines", "export {};\n".repeat(400)],
  ["50 lines", `function long() {\n${lines(48)}}`],
  ["a docstring", `/**\n${" * More.\n".repeat(60)} */\nfunction short() {}`],
  ["a factory of short members", `function f() {\n  return {\n${`    a() {\n${lines(10)}    },\n`.repeat(9)}  };\n}`],
  ["three parameters and this", "function narrow(this: Env, a: 1, b: 2, c: 3) {}"],
  ["a callback whose caller decides", "text.replace(/(a)(b)/, (all, a, b, offset) => all + a + b + offset);"],
  ["a signature without a body", "interface A { wide(a: 1, b: 2, c: 3, d: 4): void }"],
])("what is small enough is let pass: %s", (_, text) => {
  expect(inFile(text)).toEqual([]);
});

it("tests are not judged", () => {
  expect(inFile("export {};\n".repeat(500), "test/unit/x.test.ts")).toEqual([]);
});

it("an exception excuses its function alone, and one that nothing needs is found", () => {
  const text = "function wide(a: 1, b: 2, c: 3, d: 4) {}\nfunction wider(a: 1, b: 2, c: 3, d: 4, e: 5) {}";
  const files = new Map([["domain/x.ts", text]]);
  const wide = { file: "domain/x.ts", name: "wide", reason: "a test" };
  expect(sizes(files, [wide])).toEqual(["domain/x.ts:2: wider takes 5 parameters by position, more than 3"]);
  expect(sizes(new Map([["domain/x.ts", ""]]), [wide])).toEqual([
    "domain/x.ts: wide keeps to the sizes and needs no exception any more",
  ]);
});
