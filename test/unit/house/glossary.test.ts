import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { glossaryFaults, glossaryOf } from "./glossary.ts";

const page = (...rows: string[]) =>
  ["# Page", "", "## Glossary", "", "| word | meaning |", "|---|---|", ...rows, "", "## Next", "| turn | No. |"].join(
    "\n",
  );

const JOB = "| **job** | A job is work. |";
const QUEUE = "| queue | A queue is a line of jobs. |";

it("CONTRIBUTING.md explains each of the core words once, in whole sentences, and no retired one", () => {
  expect(glossaryFaults(readFileSync("CONTRIBUTING.md", "utf8"))).toEqual([]);
});

it("a glossary is the table under its heading", () => {
  expect(glossaryOf(page(JOB, QUEUE))).toEqual([
    { word: "job", meaning: "A job is work." },
    { word: "queue", meaning: "A queue is a line of jobs." },
  ]);
  expect(glossaryFaults(page(JOB, QUEUE), ["job", "queue"])).toEqual([]);
  expect(() => glossaryOf("# Page\n\n## Words\n")).toThrow("no table under a heading Glossary");
});

it.each([
  ["missing", [QUEUE], "the glossary lacks job"],
  ["twice", [JOB, JOB, QUEUE], "the glossary has job more than once"],
  ["retired type", [JOB, QUEUE, "| turn | A turn is a step. |"], "the glossary has turn, which is retired"],
  ["retired name", [JOB, QUEUE, "| settle gate | It is what it is. |"], "has settle gate, which is retired"],
  ["no sentence", [JOB, QUEUE, "| slot | a part |"], "the glossary's meaning of slot is no whole sentence"],
  ["out of order", [QUEUE, JOB], "the glossary has job out of the alphabet's order"],
])("a fault of a glossary is found: %s", (_, rows, message) => {
  const found = glossaryFaults(page(...rows), ["job", "queue"]);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});
