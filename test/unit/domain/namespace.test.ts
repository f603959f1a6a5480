import { expect, test } from "vitest";
import {
  DEFAULT_NAMESPACE_LIMITS,
  isNewer,
  isOfEarlier,
  type NamespaceSettings,
  shardShare,
} from "../../../domain/namespace.ts";

test.each([
  [null, 4096, null],
  [1000, 4096, 1000],
  [1000, 1024, 250],
  [1, 1024, 1],
  [0, 1024, 0],
  [10, 0, 1],
])("of a limit of %s a shard with %i slots has %s", (limit, slots, share) => {
  expect(shardShare(limit, slots)).toBe(share);
});

const known: NamespaceSettings = {
  name: "n",
  version: 7,
  createdAt: 1_000_000,
  limits: DEFAULT_NAMESPACE_LIMITS,
  deletingAt: null,
};

test.each([
  [{ version: 8 }, true],
  [{ version: 7 }, false],
  [{ version: 6 }, false],
  [{ version: 1, createdAt: 1_000_001 }, true],
  [{ version: 9, createdAt: 999_999 }, false],
])("%o replaces version 7: %s", (over, newer) => {
  expect(isNewer({ ...known, ...over }, known)).toBe(newer);
});

test("a job from long before its namespace was made is of an earlier one, and clocks may differ by a minute", () => {
  expect(isOfEarlier(known, 1_000_000 - 60_001)).toBe(true);
  expect(isOfEarlier(known, 1_000_000 - 60_000)).toBe(false);
});
