import { describe, expect, test } from "vitest";
import { DEFERRED_KNOWN_MS } from "../../../contract/ingest.ts";
import { settingsFrom } from "../../../contract/queue-settings.ts";

describe("a queue that stops being available", () => {
  const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0 };
  const available = settingsFrom({ consistency: "available" }, { ...stamp, updatedAt: 10 });

  test("remembers until when it was, over every later change", () => {
    expect(available).not.toHaveProperty("availableUntil");
    const strong = settingsFrom({}, { ...stamp, updatedAt: 20, before: available });
    expect(strong.availableUntil).toBe(20);
    expect(settingsFrom({}, { ...stamp, updatedAt: 30, before: strong }).availableUntil).toBe(20);
    const deleted = { ...available, deleted: true };
    expect(settingsFrom({}, { ...stamp, updatedAt: 40, before: deleted }).availableUntil).toBe(40);
    expect(settingsFrom({}, { ...stamp, updatedAt: 40, before: null })).not.toHaveProperty("availableUntil");
  });
});

describe("a queue that is divided anew", () => {
  const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0 };
  const first = settingsFrom({ partitions: 16 }, { ...stamp, updatedAt: 10 });
  const second = settingsFrom({ partitions: 5 }, { ...stamp, updatedAt: 20, before: first });

  test("remembers how many partitions it had, over every later change", () => {
    expect(first).not.toHaveProperty("earlier");
    expect(second.earlier).toEqual([{ partitions: 16, until: 20 }]);
    const deleted = { ...second, deleted: true };
    const third = settingsFrom({ partitions: 5 }, { ...stamp, updatedAt: 30, before: deleted });
    expect(third.earlier).toEqual([{ partitions: 16, until: 20 }]);
    const fourth = settingsFrom({ partitions: 16 }, { ...stamp, updatedAt: 40, before: third });
    expect(fourth.earlier?.[0]).toEqual({ partitions: 5, until: 40 });
    const fifth = settingsFrom({ partitions: 2 }, { ...stamp, updatedAt: 50, before: fourth });
    expect(fifth.earlier).toEqual([
      { partitions: 16, until: 50 },
      { partitions: 5, until: 40 },
    ]);
  });

  test("and forgets it when no message of then can come any more", () => {
    const updatedAt = 20 + DEFERRED_KNOWN_MS;
    expect(settingsFrom({ partitions: 5 }, { ...stamp, updatedAt, before: second })).not.toHaveProperty("earlier");
  });
});
