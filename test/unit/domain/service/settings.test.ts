import { expect, test } from "vitest";
import { isNewerService } from "../../../../domain/service/settings.ts";

const MINUTE = 60_000;

test.each<[string, [version: number, createdAt: number], [version: number, createdAt: number], boolean]>([
  ["a later version", [2, 0], [1, 0], true],
  ["the same", [1, 0], [1, 0], false],
  ["an earlier version", [1, 0], [2, 0], false],
  ["one that was made again after it was deleted", [3, 5_000], [2, 0], true],
  ["the same, by a gateway whose clock is behind", [3, 0], [2, 5_000], true],
  ["what was before it was made again, come late", [2, 0], [3, 5_000], false],
  ["the first of a later namespace of the name", [1, 3 * MINUTE], [9, 0], true],
  ["the last of an earlier namespace, come late", [9, 0], [1, 3 * MINUTE], false],
])("%s", (_, [version, createdAt], [currentVersion, currentCreatedAt], newer) => {
  const current = { version: currentVersion, createdAt: currentCreatedAt };
  expect(isNewerService({ version, createdAt }, current)).toBe(newer);
});
