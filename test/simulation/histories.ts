/** The histories of a run: half of them in each of two test files, which run beside each other. */
import { expect, test } from "vitest";
import { lane } from "../lane.ts";
import { missed, report, runCampaign } from "./campaign.ts";
import { runHistory } from "./run-history.ts";

/** Fewer histories may miss a rare situation by chance. So many meet the rarest about twenty times. */
const ENOUGH = 300;

export function testHistories(half: 0 | 1): void {
  const { oneSeed, firstSeed, timeoutMs } = lane;
  if (oneSeed !== null) {
    test.skipIf(half !== oneSeed % 2)(`history ${oneSeed} keeps every promise`, () => replay(oneSeed), timeoutMs);
    return;
  }
  const all = Array.from({ length: lane.histories.simulated }, (_, i) => firstSeed + i);
  const seeds = all.filter((seed) => seed % 2 === half);
  test(
    `${seeds.length} histories with faults keep every promise`,
    async () => {
      const campaign = await runCampaign(seeds);
      console.log(report(campaign));
      expect(campaign.failures, "replay one with DURE_SIM_SEED=<seed>").toEqual([]);
      if (seeds.length >= ENOUGH) expect(missed(campaign), "never happened").toEqual([]);
    },
    timeoutMs,
  );
}

async function replay(seed: number): Promise<void> {
  const history = await runHistory(seed);
  console.log([...history.trace, `hash ${history.hash}`].join("\n"));
  expect(history.violations).toEqual([]);
}
