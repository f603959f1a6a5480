import type { InstanceSnapshot, ServiceObserveReply, ServiceSnapshot } from "../../contract/rpc/service.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";

/** Three instances that are alike, with everything that watches over them. */
export function serviceSettings(more: Partial<ServiceSettings> = {}): ServiceSettings {
  return {
    namespace: "default",
    name: "mailer",
    version: 1,
    deleted: false,
    instances: ["a", "b", "c"].map((name) => ({ url: instanceUrlOf(name), weight: 1, zone: null })),
    strategy: "roundRobin",
    healthCheck: null,
    outlier: { consecutiveFailures: 3, baseEjectionMs: 30_000, maxEjectedPercent: 34 },
    breaker: { failureRate: 0.5, minRequests: 20, windowMs: 10_000, openForMs: 5_000, halfOpenProbes: 3 },
    bulkhead: { maxInFlight: 10, maxWaiting: 5 },
    timeoutMs: 10_000,
    firstByteTimeoutMs: 1_000,
    retry: { attempts: 2, perTryTimeoutMs: null, budgetPercent: 20 },
    rate: null,
    createdAt: 0,
    updatedAt: 0,
    ...more,
  };
}

export function instanceUrlOf(name: string): string {
  return `https://${name}.example.com`;
}

type SnapshotReply = Extract<ServiceObserveReply, { type: "snapshot" }>;

/** What the object says of a service that is well. */
export function serviceReply(
  settings: ServiceSettings = serviceSettings(),
  {
    breaker,
    states = {},
    ...more
  }: Partial<Omit<SnapshotReply, "type" | "snapshot">> & {
    breaker?: ServiceSnapshot["breaker"];
    /** By the URL of the instance. */
    states?: Record<string, Partial<InstanceSnapshot>>;
  } = {},
): SnapshotReply {
  const instances = settings.instances.map(({ url }) => ({
    url,
    state: "healthy" as const,
    sinceMs: 3_600_000,
    ewmaMs: null,
    inFlight: 0,
    ...states[url],
  }));
  const snapshot = { settings, breaker: breaker ?? { state: "closed" as const, nextProbeMs: null }, instances };
  return { type: "snapshot", snapshot, ...more };
}
