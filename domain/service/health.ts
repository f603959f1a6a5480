/**
 * What probes of an instance say of it. A state is left after so many probes in a row that contradict it, so that one lost packet
 * changes nothing. Thresholds are as in Envoy
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking). The state is plain JSON.
 */
import type { HealthCheckSettings } from "./settings.ts";

export interface Health {
  healthy: boolean;
  /** Probes in a row, the last included, that contradict `healthy`. */
  contrary: number;
}

/** An instance that no probe was made of: it is used until probes speak against it, because none is made of a service at rest. */
export const UNPROBED: Health = { healthy: true, contrary: 0 };

type Thresholds = Pick<HealthCheckSettings, "healthyThreshold" | "unhealthyThreshold">;

/** The health once one more probe has been `ok`, or has not. */
export function withProbe(health: Health, ok: boolean, thresholds: Thresholds): Health {
  if (ok === health.healthy) return health.contrary === 0 ? health : { ...health, contrary: 0 };
  const contrary = health.contrary + 1;
  const threshold = health.healthy ? thresholds.unhealthyThreshold : thresholds.healthyThreshold;
  return contrary >= threshold ? { healthy: ok, contrary: 0 } : { ...health, contrary };
}
