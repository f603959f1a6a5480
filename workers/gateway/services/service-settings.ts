import { DEFAULT_SERVICE } from "../../../contract/limits.ts";
import { conflict, type Problem } from "../../../contract/problems.ts";
import type { ServiceState } from "../../../contract/rpc/service.ts";
import type { ServiceBody } from "../../../contract/service.ts";
import type { ServiceStateView } from "../../../contract/service-state.ts";
import type { ServiceView } from "../../../contract/service-view.ts";
import { formatTimestamp, msToSeconds, secondsToMs } from "../../../contract/time.ts";
import { instanceUrl } from "../../../domain/service/address.ts";
import type {
  BreakerSettings,
  BulkheadSettings,
  HealthCheckSettings,
  OutlierSettings,
  ServiceSettings,
} from "../../../domain/service/settings.ts";
import { refusedTarget, type TargetRules } from "../../../domain/target-url.ts";
import type { Stamp } from "../resources/kind.ts";

/** The settings of a service put as `body`, complete, in the units used inside. */
export function serviceFrom(body: ServiceBody, stamp: Stamp): ServiceSettings {
  const { retry = {}, rate = null } = body;
  return {
    namespace: stamp.namespace,
    name: stamp.name,
    version: stamp.version,
    deleted: false,
    instances: body.instances.map(({ url, weight = 1, zone = null }) => ({ url: kept(url), weight, zone })),
    strategy: body.strategy ?? DEFAULT_SERVICE.strategy,
    healthCheck: healthCheckFrom(body.healthCheck),
    outlier: outlierFrom(body.outlier),
    breaker: breakerFrom(body.breaker),
    bulkhead: bulkheadFrom(body.bulkhead),
    timeoutMs: secondsToMs(body.timeout ?? DEFAULT_SERVICE.timeout),
    firstByteTimeoutMs: secondsToMs(body.firstByteTimeout ?? DEFAULT_SERVICE.firstByteTimeout),
    retry: {
      attempts: retry.attempts ?? DEFAULT_SERVICE.retry.attempts,
      perTryTimeoutMs: retry.perTryTimeout == null ? null : secondsToMs(retry.perTryTimeout),
      budgetPercent: retry.budgetPercent ?? DEFAULT_SERVICE.retry.budgetPercent,
    },
    rate: rate === null ? null : { limit: rate.limit, periodMs: secondsToMs(rate.period) },
    createdAt: stamp.createdAt,
    updatedAt: stamp.updatedAt,
  };
}

/** The schema has let it through. */
function kept(url: string): string {
  const text = instanceUrl(url);
  if (text === null) throw new Error("the schema of an instance let a URL through that is none");
  return text;
}

function healthCheckFrom(body: ServiceBody["healthCheck"]): HealthCheckSettings | null {
  if (body === null || body === undefined) return null;
  const { path, interval, timeout, expect, ...thresholds } = body;
  const { healthCheck: left } = DEFAULT_SERVICE;
  return {
    path,
    intervalMs: secondsToMs(interval ?? left.interval),
    timeoutMs: secondsToMs(timeout ?? left.timeout),
    healthyThreshold: thresholds.healthyThreshold ?? left.healthyThreshold,
    unhealthyThreshold: thresholds.unhealthyThreshold ?? left.unhealthyThreshold,
    expect: expect ?? { ...left.expect },
  };
}

/** Null is off, and nothing is the default. */
function outlierFrom(body: ServiceBody["outlier"]): OutlierSettings | null {
  if (body === null) return null;
  const { outlier: left } = DEFAULT_SERVICE;
  return {
    consecutiveFailures: body?.consecutiveFailures ?? left.consecutiveFailures,
    baseEjectionMs: secondsToMs(body?.baseEjection ?? left.baseEjection),
    maxEjectedPercent: body?.maxEjectedPercent ?? left.maxEjectedPercent,
  };
}

function breakerFrom(body: ServiceBody["breaker"]): BreakerSettings | null {
  if (body === null) return null;
  const { breaker: left } = DEFAULT_SERVICE;
  return {
    failureRate: body?.failureRate ?? left.failureRate,
    minRequests: body?.minRequests ?? left.minRequests,
    windowMs: secondsToMs(body?.window ?? left.window),
    openForMs: secondsToMs(body?.openFor ?? left.openFor),
    halfOpenProbes: body?.halfOpenProbes ?? left.halfOpenProbes,
  };
}

function bulkheadFrom(body: ServiceBody["bulkhead"]): BulkheadSettings | null {
  if (body === null) return null;
  const { bulkhead: left } = DEFAULT_SERVICE;
  return { maxInFlight: body?.maxInFlight ?? left.maxInFlight, maxWaiting: body?.maxWaiting ?? left.maxWaiting };
}

/** What a PUT has to say to get these settings: what is absent is left out. */
export function serviceBodyOf(settings: ServiceSettings): unknown {
  const {
    name: _name,
    version: _version,
    createdAt: _createdAt,
    updatedAt: _updatedAt,
    ...view
  } = serviceView(settings);
  const instances = view.instances.map(({ zone, ...rest }) => (zone === null ? rest : { ...rest, zone }));
  return { ...view, instances };
}

/** Why one of the instances may not be called (422), or null. */
export function checkInstances({ instances }: ServiceSettings, targets: TargetRules): Problem | null {
  const errors = instances.flatMap(({ url }, i) => {
    const refused = refusedTarget(url, targets);
    return refused === null ? [] : [{ pointer: `/instances/${i}/url`, detail: `url is not allowed: ${refused}.` }];
  });
  return errors.length === 0
    ? null
    : conflict.of("target-refused", "The URL of an instance is not allowed: see `errors`.", errors);
}

/** What is left of a deleted service: who it was. */
export function forgottenService(settings: ServiceSettings): ServiceSettings {
  return { ...settings, instances: [], healthCheck: null };
}

/** Without its state, which its object has. */
export function serviceView(settings: ServiceSettings): ServiceView {
  const { healthCheck, outlier, breaker, retry, rate } = settings;
  return {
    name: settings.name,
    instances: settings.instances,
    strategy: settings.strategy,
    healthCheck: healthCheck === null ? null : healthCheckView(healthCheck),
    outlier: outlier === null ? null : outlierView(outlier),
    breaker: breaker === null ? null : breakerView(breaker),
    bulkhead: settings.bulkhead,
    timeout: msToSeconds(settings.timeoutMs),
    firstByteTimeout: msToSeconds(settings.firstByteTimeoutMs),
    retry: {
      attempts: retry.attempts,
      perTryTimeout: retry.perTryTimeoutMs === null ? null : msToSeconds(retry.perTryTimeoutMs),
      budgetPercent: retry.budgetPercent,
    },
    rate: rate === null ? null : { limit: rate.limit, period: msToSeconds(rate.periodMs) },
    version: settings.version,
    createdAt: formatTimestamp(settings.createdAt),
    updatedAt: formatTimestamp(settings.updatedAt),
  };
}

function healthCheckView({ path, intervalMs, timeoutMs, ...rest }: HealthCheckSettings) {
  return { path, interval: msToSeconds(intervalMs), timeout: msToSeconds(timeoutMs), ...rest };
}

function outlierView({ consecutiveFailures, baseEjectionMs, maxEjectedPercent }: OutlierSettings) {
  return { consecutiveFailures, baseEjection: msToSeconds(baseEjectionMs), maxEjectedPercent };
}

function breakerView({ failureRate, minRequests, windowMs, openForMs, halfOpenProbes }: BreakerSettings) {
  return { failureRate, minRequests, window: msToSeconds(windowMs), openFor: msToSeconds(openForMs), halfOpenProbes };
}

/** How a service is at the moment, as its object says. */
export function serviceStateView({ breaker, inFlight, instances, events }: ServiceState): ServiceStateView {
  return {
    breaker: { state: breaker.state, nextProbeAt: formatted(breaker.nextProbeAt) },
    inFlight,
    instances: instances.map(({ ewmaMs, lastCheck, events: changes, ...instance }) => ({
      ...instance,
      latencyMs: ewmaMs === null ? null : Math.round(ewmaMs * 10) / 10,
      lastCheck: lastCheck === null ? null : { ...lastCheck, at: formatTimestamp(lastCheck.at) },
      events: changes.map(eventView),
    })),
    events: events.map(eventView),
  };
}

function eventView({ at, from, to, because }: ServiceState["events"][number]) {
  return { at: formatTimestamp(at), from, to, because };
}

function formatted(at: number | null): string | null {
  return at === null ? null : formatTimestamp(at);
}
