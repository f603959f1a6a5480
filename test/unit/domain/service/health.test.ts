import { expect, test } from "vitest";
import { type Health, UNPROBED, withProbe } from "../../../../domain/service/health.ts";

const THRESHOLDS = { healthyThreshold: 2, unhealthyThreshold: 3 };
const UNHEALTHY: Health = { healthy: false, contrary: 0 };

/** The health after probes, of which `+` is well and `-` is not. */
function after(probes: string, health: Health = UNPROBED): Health {
  return [...probes].reduce((one, probe) => withProbe(one, probe === "+", THRESHOLDS), health);
}

test.each([
  [UNPROBED, "", true],
  [UNPROBED, "--", true],
  [UNPROBED, "---", false],
  [UNPROBED, "--+--", true],
  [UNPROBED, "--+---", false],
  [UNHEALTHY, "+", false],
  [UNHEALTHY, "++", true],
  [UNHEALTHY, "+-+", false],
  [UNHEALTHY, "+-++", true],
  [UNPROBED, "---++", true],
  [UNPROBED, "---++--", true],
] as const)("%o after %s is healthy: %s", (health, probes, expected) => {
  expect(after(probes, health).healthy).toBe(expected);
});

test("a probe that says what is known changes nothing", () => {
  expect(withProbe(UNPROBED, true, THRESHOLDS)).toBe(UNPROBED);
  expect(withProbe(UNHEALTHY, false, THRESHOLDS)).toBe(UNHEALTHY);
});
