import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMetrics, percentile } from "../../../scripts/metrics.ts";
import { addUp, countWords, cut, differences, top } from "../../../scripts/wordcount-text.ts";
import wordcount from "../../../workers/processor/handlers/wordcount.ts";

const context = {
  jobId: "job_x",
  attempt: 1,
  signal: new AbortController().signal,
  traceparent: null,
  payloadText: "",
  checkpoint: null,
  checkpointText: null,
  progress: async () => undefined,
  spawn: () => undefined,
};

describe("the demo's map and reduce", () => {
  it("cuts a text into pieces that together are the text, and never through a word", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.integer({ min: 1, max: 50 }), (text, size) => {
        const pieces = cut(text, size);
        expect(pieces.join("")).toBe(text);
        const results = pieces.map((piece) => {
          const { words, counts } = countWords(piece);
          return { words, counts: Object.fromEntries(counts) };
        });
        expect(addUp(results)).toEqual(countWords(text));
      }),
    );
  });

  it("counts as the handler counts", () => {
    const text = "Many hands make light work; MANY, many: İstanbul 42 constructor don't 두레";
    expect(addUp([wordcount({ text }, context) as { words: number; counts: Record<string, number> }])).toEqual(
      countWords(text),
    );
  });

  it("finds a word that is missing, added or counted differently", () => {
    const direct = countWords("one two two three");
    const sum = countWords("one two three four");
    expect(differences(sum, direct).sort()).toEqual(["four", "two"]);
    expect(differences(direct, direct)).toEqual([]);
    expect(top(direct, 2)).toEqual([
      ["two", 2],
      ["one", 1],
    ]);
  });
});

describe("reading /metrics", () => {
  it("sums a sample over its labels", () => {
    const text = '# TYPE rows counter\nrows_total{shard="a"} 2\nrows_total{shard="b"} 3.5\nlive 1\n# EOF\n';
    expect(parseMetrics(text)).toEqual(
      new Map([
        ["rows_total", 5.5],
        ["live", 1],
      ]),
    );
  });

  it("takes percentiles from the sorted values", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 0.5)).toBe(51);
    expect(percentile(values, 0.99)).toBe(100);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
