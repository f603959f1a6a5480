import { expect, test } from "vitest";
import { differences, lastJson, missingLines, type Names } from "../../docs/compare.ts";

const A = "job_01m81y5hxdfwy87v7akx98zqk9";
const B = "job_01m81y5jeqe5m9c8vp2fp647f7";
const NOW = "2026-11-22T15:32:03.604Z";
const LATER = "2027-01-01T00:00:00Z";

test.each<[string, unknown, unknown, string[]]>([
  ["a number", { n: 1 }, { n: 2 }, ["/n: 2, not 1"]],
  ["null and a text", { n: null }, { n: "a" }, ['/n: "a", not null']],
  ["a text", { s: "a.c" }, { s: "abc" }, ["/s: abc, not a.c"]],
  ["a member that is not printed", { a: { b: 1, c: 2 } }, { a: { c: 2 } }, ["/a/b: is shown, and not printed"]],
  ["a member that is not shown", {}, { a: 1 }, ["/a: is printed, and not shown"]],
  ["the length of a list", [1], [1, 2], [": 2 items, not 1"]],
  ["a list and an object", [], {}, [": {}, not []"]],
  ["a time and another", { at: NOW, s: `until ${NOW}.` }, { at: LATER, s: `until ${LATER}.` }, []],
  ["a time and a text", { at: NOW }, { at: "never" }, [`/at: never, not ${NOW}`]],
  ["an id and another", { id: A }, { id: B }, []],
  ["an id and one of another kind", { id: A }, { id: "op_1" }, [`/id: op_1, not ${A}`]],
  ["an id that is left out", { id: "job_…" }, { id: B }, []],
  ["one that is left out, of another kind", { id: "job_…" }, { id: "op_1" }, ["/id: op_1, not job_…"]],
  ["a text that goes on", { s: "a … d" }, { s: "a b c d" }, []],
  ["a text that does not", { s: "a … d" }, { s: "a b c" }, ["/s: a b c, not a … d"]],
  ["a number that varies", { lateSeconds: 0.1 }, { lateSeconds: 0.2 }, []],
  ["a number that varies, and none", { lateSeconds: 0.1 }, { lateSeconds: null }, ["/lateSeconds: null, not 0.1"]],
])("%s", (_, shown, printed, found) => {
  expect(differences(shown, printed, { names: new Map(), part: false })).toEqual(found);
});

test("the same identifier on a page is the same in the run", () => {
  const names: Names = new Map();
  const compare = (shown: unknown, printed: unknown) => differences(shown, printed, { names, part: false });
  expect(compare({ id: "job_1" }, { id: A })).toEqual([]);
  expect(compare({ detail: "held by job_1." }, { detail: `held by ${A}.` })).toEqual([]);
  expect(compare({ blockedBy: "job_1" }, { blockedBy: B })).toEqual([`/blockedBy: ${B}, not job_1`]);
  expect(compare({ blockedBy: "job_2" }, { blockedBy: B })).toEqual([]);
});

test("a part may lack members, and has none that are not printed", () => {
  const compare = (shown: unknown) => differences(shown, { a: 1, b: { c: 2, d: 3 } }, { names: new Map(), part: true });
  expect(compare({ b: { c: 2 } })).toEqual([]);
  expect(compare({ b: { e: 2 } })).toEqual(["/b/e: is shown, and not printed"]);
});

test("lines are looked for in their order", () => {
  const printed = "HTTP/1.1 429 Too Many Requests\r\nx: y\r\nRetry-After: 60\r\n";
  const missing = (shown: string) => missingLines(shown, printed, new Map());
  expect(missing("HTTP/1.1 429 …\nRetry-After: 60")).toEqual([]);
  expect(missing("Retry-After: 60\nHTTP/1.1 429 …")).toEqual(["HTTP/1.1 429 …"]);
  expect(missing("Retry-After: 6")).toEqual(["Retry-After: 6"]);
});

test("the last JSON of an output is found among other lines", () => {
  expect(lastJson('{\n  "a": 1\n}\nmails\n{\n  "b": [\n    {}\n  ]\n}\n')).toEqual({ b: [{}] });
  expect(lastJson('[\n  {\n    "a": 1\n  }\n]\nmails\n')).toEqual([{ a: 1 }]);
  expect(lastJson("mails\n[]\n")).toEqual([]);
  expect(() => lastJson('mails {"a": 1}\n')).toThrow("no JSON has lines of its own in:\nmails");
});
