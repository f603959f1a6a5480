import { expect, test } from "vitest";
import { lane } from "../lane.ts";
import { runHistory } from "./run-history.ts";

const SEEDS = lane.histories.repeated;

test(
  "the same seed is the same history, event for event",
  async () => {
    const seeds = Array.from({ length: SEEDS }, (_, i) => 50_001 + i);
    const hashes = async () => {
      const all: string[] = [];
      for (const seed of seeds) all.push((await runHistory(seed)).hash);
      return all;
    };
    const first = await hashes();
    expect(await hashes()).toEqual(first);
    expect(new Set(first).size).toBe(SEEDS);
  },
  lane.timeoutMs,
);
