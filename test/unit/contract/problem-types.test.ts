import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ProblemExplanation, RETRIES } from "../../../contract/problem-explanation.ts";
import { PROBLEMS } from "../../../contract/problem-types.ts";

const root = join(import.meta.dirname, "../../..");

/** Sources of contract, domain and gateway that make problems. The table itself, and what lists the codes of calls, do not. */
const sources = ["contract", "domain", "workers/gateway"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`),
  )
  .filter((file) => file.endsWith(".ts") && !/^contract\/(problem-types|openapi|http\/.*)\.ts$/.test(file))
  .map((file) => readFileSync(join(root, file), "utf8"));

/** The codes that a source makes problems of. */
function made(source: string): string[] {
  return [...source.matchAll(/\b(?:new Problem|conflict\.of|problem)\(\s*"([^"]+)"/g)].map(([, code = ""]) => code);
}

const codes = Object.keys(PROBLEMS);
const table: [string, ProblemExplanation][] = Object.entries(PROBLEMS);

test("every code of the table is used", () => {
  const unused = codes.filter((code) => !sources.some((source) => source.includes(`"${code}"`)));
  expect(unused).toEqual([]);
});

test("every code that is used is in the table", () => {
  const used = new Set(sources.flatMap(made));
  expect([...used].filter((code) => !codes.includes(code))).toEqual([]);
  expect(used.size).toBeGreaterThan(30);
});

test("a code is found wherever it is made", () => {
  expect(made('return new Problem("a-b", "x"); return problem(\n  "c", why);')).toEqual(["a-b", "c"]);
});

describe("each problem says what happened, what to do, and whether to try again", () => {
  test.each(table)("%s", (code, { status, title, happened, remedy, retry }) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).toMatch(/^[A-Z][^.]*$/);
    for (const text of [happened, remedy]) expect(text).toMatch(/^[A-Z`].*[^.]\.$/);
    expect(RETRIES).toContain(retry);
    if (status === 429 || status >= 500) expect(retry).toBe("later");
  });
});
