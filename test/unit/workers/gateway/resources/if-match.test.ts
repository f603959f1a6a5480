import { describe, expect, test } from "vitest";
import { unmetCondition, versionTag } from "../../../../../workers/gateway/resources/if-match.ts";

const codeOf = (header: string | null, version: number | null) =>
  unmetCondition(header, "queue", version)?.code ?? null;

describe("If-Match of something at version 3", () => {
  test.each<[string | null]>([
    [null],
    ['"3"'],
    [' "3" '],
    ['"2", "3"'],
    ['"2","3","4"'],
    ['"3",'],
    [',, "3"'],
    ['W/"3", "3"'],
    ['"a,b", "3"'],
    ["*"],
    [" * "],
  ])("%j is met", (header) => {
    expect(codeOf(header, 3)).toBeNull();
  });

  test.each<[string]>([['"2"'], ['"33"'], ['""'], ['W/"3"'], ['"1", "2"'], ['"*"'], ['"3,"']])(
    "%j is not",
    (header) => {
      expect(codeOf(header, 3)).toBe("version-mismatch");
    },
  );

  test.each<[string]>([
    [""],
    [" "],
    [","],
    ["3"],
    ['"3'],
    ['3"'],
    ['"3" "4"'],
    ['"3"; "4"'],
    ['w/"3"'],
    ['W/ "3"'],
    ['"3", *'],
    ["**"],
    ['"a b"'],
  ])("%j is malformed", (header) => {
    expect(codeOf(header, 3)).toBe("invalid-request");
  });
});

test.each(["*", '"3"', '"0"'])("%s is not met by what does not exist", (header) => {
  expect(codeOf(header, null)).toBe("version-mismatch");
});

test("the refusal says what the version is, and what to do", () => {
  expect(unmetCondition('"2"', "queue", 3)?.detail).toBe(
    'The queue is at version 3: read it again, and send If-Match: "3" to change it as it is then.',
  );
  expect(unmetCondition("*", "queue", null)?.detail).toMatch(/no such queue.*leave the header out/);
});

test("the tag of a version is strong and matches it", () => {
  expect(versionTag(12)).toBe('"12"');
  expect(codeOf(versionTag(12), 12)).toBeNull();
});
