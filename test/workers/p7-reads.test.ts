import { abortAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { evict } from "./api.ts";
import { resetClock } from "./clock.ts";
import { histories } from "./lane.ts";
import type { Shared } from "./p7-clients.ts";
import { RULES, sessionStory, strongStory } from "./p7-scenes.ts";

afterEach(resetClock);

function expectSound(what: string, { recorder, keys }: Shared): void {
  const { operations, listings } = recorder;
  console.log(`p7: ${what}: ${keys.length} jobs, ${operations} calls, ${listings} lists`);
  expect(operations).toBeGreaterThan(100);
  expect(listings).toBeGreaterThan(10);
  expect(recorder.violations(RULES)).toEqual([]);
}

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

describe("strong is linearizable, job by job, lists too", () => {
  it.each(seeds(1, 2 * histories.clients))(
    "while every object is evicted again and again: %i",
    async (seed) => {
      expectSound("evictions", await strongStory(seed, { everyMs: 15, act: evict }));
    },
    60_000,
  );

  it.each(seeds(1_001, histories.clients))(
    "while every object is killed, and answers are lost: %i",
    async (seed) => {
      expectSound("kills", await strongStory(seed, { everyMs: 40, act: abortAllDurableObjects }));
    },
    60_000,
  );
});

describe("sessions that mix strong and session reads, single jobs and lists", () => {
  it.each(seeds(2_001, 3 * histories.clients))(
    "read their own writes and never go back, whatever the replica lacks: %i",
    async (seed) => {
      const { shared, rig } = await sessionStory(seed);
      const { primary, replica } = rig.d1.counts();
      console.log(`p7: history was read ${primary} times from the primary, ${replica} times from the replica`);
      expect(replica).toBeGreaterThan(10);
      expectSound("sessions", shared);
    },
    60_000,
  );
});
