import { describe, expect, test } from "vitest";
import { MAX_PAUSE_MS, projectionPauseMs } from "../../../domain/projection-pace.ts";

describe("the projector of a shard", () => {
  test.each([
    ["does not wait where nothing else is to be done", { atWork: 0, lacking: 1_000_000 }, 0],
    ["lets a shard at work do its work", { atWork: 1, lacking: 100 }, 20],
    ["waits less when it falls behind", { atWork: 5_000, lacking: 20_000 }, 10],
    ["and less still when it is far behind", { atWork: 5_000, lacking: 100_000 }, 5],
  ])("%s", (_, shard, pause) => {
    expect(projectionPauseMs(shard)).toBe(pause);
    expect(pause).toBeLessThan(MAX_PAUSE_MS);
  });
});
