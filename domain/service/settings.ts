import type { Rate } from "../rate.ts";

/**
 * A service: several instances that do the same, and how work is spread over them. Terms are those of Envoy
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/upstream). All times are milliseconds.
 */

/** How an instance is chosen among those that may be. */
export const STRATEGIES = ["p2c", "roundRobin", "leastRequests", "hash"] as const;
/** One of `STRATEGIES`. */
export type Strategy = (typeof STRATEGIES)[number];

/** One instance of a service. Its URL names it: a service has no two of one URL. */
export interface ServiceInstance {
  /** Scheme, host, port and perhaps a path that all requests begin with; without credentials, query and fragment. */
  url: string;
  /** Its part of the work beside that of others; from 1. */
  weight: number;
  /** Where it is, in words of its owner. Null: it does not say. */
  zone: string | null;
}

/** A probe that is made of each instance while the service is in use. */
export interface HealthCheckSettings {
  path: string;
  intervalMs: number;
  timeoutMs: number;
  /** Probes in a row that make an unhealthy instance healthy. */
  healthyThreshold: number;
  /** Probes in a row that make a healthy instance unhealthy. */
  unhealthyThreshold: number;
  /** The statuses that are well, from and to, both inclusive. */
  expect: { from: number; to: number };
}

/** When an instance is taken out for what its own answers say. */
export interface OutlierSettings {
  consecutiveFailures: number;
  /** The first ejection lasts this long, the second in a row twice as long, and so on. */
  baseEjectionMs: number;
  /** Of all instances, how many percent may be out at once; at least one may. */
  maxEjectedPercent: number;
}

/** When the whole service is given a rest. */
export interface BreakerSettings {
  /** The part of failures in the window, above 0 and at most 1, from which on it opens. */
  failureRate: number;
  /** With fewer requests in the window it stays closed. */
  minRequests: number;
  windowMs: number;
  openForMs: number;
  /** Requests that may be under way while it is half open; as many successes close it. */
  halfOpenProbes: number;
}

/** What may be under way at once. */
export interface BulkheadSettings {
  maxInFlight: number;
  /** Requests of the proxy that may wait in one isolate for room. */
  maxWaiting: number;
}

/** When the proxy sends a request again. */
export interface ServiceRetrySettings {
  /** Tries in all, the first included. */
  attempts: number;
  /** Null: as long as is left of the whole. */
  perTryTimeoutMs: number | null;
  /** Of the requests of the last ten seconds, how many percent may be sent again. */
  budgetPercent: number;
}

/** A service's settings, as gateways cache and its object keeps them. Times are epoch milliseconds. See `isNewerService`. */
export interface ServiceSettings {
  namespace: string;
  name: string;
  version: number;
  deleted: boolean;
  instances: ServiceInstance[];
  strategy: Strategy;
  /** Null: none is made. */
  healthCheck: HealthCheckSettings | null;
  outlier: OutlierSettings | null;
  breaker: BreakerSettings | null;
  /** Null: no limit. */
  bulkhead: BulkheadSettings | null;
  /** The whole of one request. */
  timeoutMs: number;
  firstByteTimeoutMs: number;
  retry: ServiceRetrySettings;
  /** Most requests that start in any window of its period, jobs and proxy apart. Null: no limit. */
  rate: Rate | null;
  createdAt: number;
  updatedAt: number;
}

/**
 * A name is free again minutes after its namespace was deleted, and what gateways take for now differs by less than this: a service that
 * was created so much later is of a later namespace.
 */
const CLOCK_SLACK_MS = 60_000;

/**
 * Whether `next` replaces `current`: a later version, or the service of a later namespace of the name, whose versions begin anew. An earlier
 * namespace's may have the higher version and is not newer.
 */
export function isNewerService(next: Stamped, current: Stamped): boolean {
  const later = next.createdAt - current.createdAt;
  return later > CLOCK_SLACK_MS || (next.version > current.version && later >= -CLOCK_SLACK_MS);
}

type Stamped = Pick<ServiceSettings, "version" | "createdAt">;
