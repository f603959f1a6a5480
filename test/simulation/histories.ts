/** The histories of `npm test`: half of them in each of two test files, which run beside each other. */
import { expect, test } from "vitest";
import { missed, report, runCampaign } from "./campaign.ts";
import { runHistory } from "./run-history.ts";

/** `DURE_SIM_HISTORIES`: how many; `DURE_SIM_FIRST`: from which seed; `DURE_SIM_SEED`: only this one, with its last events. */
const HISTORIES = Number(process.env.DURE_SIM_HISTORIES ?? 5_000);
const FIRST = Number(process.env.DURE_SIM_FIRST ?? 1);
const ONE = process.env.DURE_SIM_SEED;
/** Fewer histories may miss a rare situation by chance. */
const ENOUGH = 1_000;
const TIMEOUT_MS = 3_600_000;

export function testHistories(half: 0 | 1): void {
  if (ONE !== undefined) {
    test.skipIf(half !== Number(ONE) % 2)(`history ${ONE} keeps every promise`, () => replay(Number(ONE)), TIMEOUT_MS);
    return;
  }
  const seeds = Array.from({ length: HISTORIES }, (_, i) => FIRST + i).filter((seed) => seed % 2 === half);
  test(
    `${seeds.length} histories with faults keep every promise`,
    async () => {
      const campaign = await runCampaign(seeds);
      console.log(report(campaign));
      expect(campaign.failures, "replay one with DURE_SIM_SEED=<seed>").toEqual([]);
      if (seeds.length >= ENOUGH) expect(missed(campaign), "never happened").toEqual([]);
    },
    TIMEOUT_MS,
  );
}

async function replay(seed: number): Promise<void> {
  const history = await runHistory(seed);
  console.log([...history.trace, `hash ${history.hash}`].join("\n"));
  expect(history.violations).toEqual([]);
}
