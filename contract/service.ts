import * as z from "zod";
import { instanceUrl, SERVICE_PATH_RULE } from "../domain/service/address.ts";
import { STRATEGIES } from "../domain/service/settings.ts";
import { described, field } from "./field.ts";
import {
  DEFAULT_SERVICE,
  MAX_BREAKER_OPEN_SECONDS,
  MAX_BREAKER_REQUESTS,
  MAX_BREAKER_WINDOW_SECONDS,
  MAX_CONSECUTIVE_FAILURES,
  MAX_EJECTION_SECONDS,
  MAX_HALF_OPEN_PROBES,
  MAX_HEALTH_INTERVAL_SECONDS,
  MAX_HEALTH_THRESHOLD,
  MAX_HEALTH_TIMEOUT_SECONDS,
  MAX_IN_FLIGHT,
  MAX_PROXY_ATTEMPTS,
  MAX_PROXY_WAITING,
  MAX_PUSH_TIMEOUT_SECONDS,
  MAX_SERVICE_INSTANCES,
  MAX_URL_BYTES,
  MAX_WEIGHT,
  MAX_ZONE_BYTES,
  MIN_HEALTH_INTERVAL_SECONDS,
} from "./limits.ts";
import { plainText } from "./primitives.ts";
import { RateBody } from "./queue.ts";
import { formatBytes, formatNumber, inSeconds, orNull, says } from "./sentence.ts";
import { ServicePath } from "./service-path.ts";
import { OFF, SERVICE_SAYS as SAYS } from "./service-words.ts";

/** Services: several instances that do the same, and how requests and jobs are spread over them. */

const { healthCheck, outlier, breaker, bulkhead, retry } = DEFAULT_SERVICE;

const upTo = (max: number) => `1 to ${formatNumber(max)}`;
const leftOut = (value: number | string) => `Left out: ${typeof value === "number" ? formatNumber(value) : value}.`;
const whole = (min: number, max: number) => z.int().min(min).max(max);
const secondsFrom = (min: number, max: number) => z.number(inSeconds).min(min).max(max);

const URL_RULE = `is an http or https URL of at most ${formatBytes(MAX_URL_BYTES)}, without user name, password, query, fragment, spaces and control characters`;
const InstanceUrl = z
  .string(says(URL_RULE))
  .max(MAX_URL_BYTES)
  // As it is kept: what is not ASCII in a path is kept as up to nine characters.
  .refine((text) => (instanceUrl(text)?.length ?? Number.POSITIVE_INFINITY) <= MAX_URL_BYTES)
  .meta({ format: "uri" });

const InstanceBody = described(
  z.strictObject({
    url: field(InstanceUrl, `${SAYS.url}. It ${URL_RULE}.`, "https://mail-1.example.com"),
    weight: field(whole(1, MAX_WEIGHT).optional(), `${SAYS.weight}: ${upTo(MAX_WEIGHT)}. ${leftOut(1)}`, 2),
    zone: field(
      plainText(MAX_ZONE_BYTES).optional(),
      `${SAYS.zone}: at most ${formatBytes(MAX_ZONE_BYTES)}. Left out: it is not said.`,
      "eu-1",
    ),
  }),
  "One instance of a service.",
);

const STATUS = whole(100, 599);
const HealthCheckBody = described(
  z.strictObject({
    path: field(ServicePath, `${SAYS.path}. It ${SERVICE_PATH_RULE}.`, "/healthz"),
    interval: field(
      secondsFrom(MIN_HEALTH_INTERVAL_SECONDS, MAX_HEALTH_INTERVAL_SECONDS).optional(),
      `${SAYS.interval}: ${upTo(MAX_HEALTH_INTERVAL_SECONDS)}. ${leftOut(healthCheck.interval)}`,
      healthCheck.interval,
    ),
    timeout: field(
      secondsFrom(0.1, MAX_HEALTH_TIMEOUT_SECONDS).optional(),
      `${SAYS.checkTimeout}: 0.1 to ${MAX_HEALTH_TIMEOUT_SECONDS}. ${leftOut(healthCheck.timeout)}`,
      healthCheck.timeout,
    ),
    healthyThreshold: field(
      whole(1, MAX_HEALTH_THRESHOLD).optional(),
      `${SAYS.healthyThreshold}: ${upTo(MAX_HEALTH_THRESHOLD)}. ${leftOut(healthCheck.healthyThreshold)}`,
      healthCheck.healthyThreshold,
    ),
    unhealthyThreshold: field(
      whole(1, MAX_HEALTH_THRESHOLD).optional(),
      `${SAYS.unhealthyThreshold}: ${upTo(MAX_HEALTH_THRESHOLD)}. ${leftOut(healthCheck.unhealthyThreshold)}`,
      healthCheck.unhealthyThreshold,
    ),
    expect: field(
      described(
        z
          .strictObject({
            from: field(STATUS, "The lowest status of a healthy instance: 100 to 599.", 200),
            to: field(STATUS, "The highest one, not below `from`.", 299),
          })
          .refine(({ from, to }) => from <= to, says("has a `from` that is not above its `to`")),
        `${SAYS.expect}.`,
      ).optional(),
      `${SAYS.expect}. Left out: 200 to 299.`,
    ),
  }),
  `${SAYS.healthCheck}.`,
);

const OutlierBody = described(
  z.strictObject({
    consecutiveFailures: field(
      whole(1, MAX_CONSECUTIVE_FAILURES).optional(),
      `${SAYS.consecutiveFailures}: ${upTo(MAX_CONSECUTIVE_FAILURES)}. ${leftOut(outlier.consecutiveFailures)}`,
      outlier.consecutiveFailures,
    ),
    baseEjection: field(
      secondsFrom(0.1, MAX_EJECTION_SECONDS).optional(),
      `${SAYS.baseEjection}: 0.1 to ${formatNumber(MAX_EJECTION_SECONDS)}. ${leftOut(outlier.baseEjection)}`,
      outlier.baseEjection,
    ),
    maxEjectedPercent: field(
      whole(0, 100).optional(),
      `${SAYS.maxEjectedPercent}: 0 to 100. ${leftOut(outlier.maxEjectedPercent)}`,
      50,
    ),
  }),
  `${SAYS.outlier}.`,
);

const BreakerBody = described(
  z.strictObject({
    failureRate: field(
      z.number().gt(0).max(1).optional(),
      `${SAYS.failureRate}. ${leftOut(breaker.failureRate)}`,
      breaker.failureRate,
    ),
    minRequests: field(
      whole(1, MAX_BREAKER_REQUESTS).optional(),
      `${SAYS.minRequests}: ${upTo(MAX_BREAKER_REQUESTS)}. ${leftOut(breaker.minRequests)}`,
      breaker.minRequests,
    ),
    window: field(
      secondsFrom(1, MAX_BREAKER_WINDOW_SECONDS).optional(),
      `${SAYS.window}: ${upTo(MAX_BREAKER_WINDOW_SECONDS)}. ${leftOut(breaker.window)}`,
      breaker.window,
    ),
    openFor: field(
      secondsFrom(0.1, MAX_BREAKER_OPEN_SECONDS).optional(),
      `${SAYS.openFor}: 0.1 to ${formatNumber(MAX_BREAKER_OPEN_SECONDS)}. ${leftOut(breaker.openFor)}`,
      breaker.openFor,
    ),
    halfOpenProbes: field(
      whole(1, MAX_HALF_OPEN_PROBES).optional(),
      `${SAYS.halfOpenProbes}: ${upTo(MAX_HALF_OPEN_PROBES)}. ${leftOut(breaker.halfOpenProbes)}`,
      breaker.halfOpenProbes,
    ),
  }),
  `${SAYS.breaker}.`,
);

const BulkheadBody = described(
  z.strictObject({
    maxInFlight: field(
      whole(1, MAX_IN_FLIGHT).optional(),
      `${SAYS.maxInFlight}: ${upTo(MAX_IN_FLIGHT)}. ${leftOut(bulkhead.maxInFlight)}`,
      20,
    ),
    maxWaiting: field(
      whole(0, MAX_PROXY_WAITING).optional(),
      `${SAYS.maxWaiting}: 0 to ${formatNumber(MAX_PROXY_WAITING)}. ${leftOut(bulkhead.maxWaiting)}`,
      100,
    ),
  }),
  `${SAYS.bulkhead}.`,
);

const RetryBody = described(
  z.strictObject({
    attempts: field(
      whole(1, MAX_PROXY_ATTEMPTS).optional(),
      `${SAYS.attempts}: ${upTo(MAX_PROXY_ATTEMPTS)}. ${leftOut(retry.attempts)}`,
      retry.attempts,
    ),
    perTryTimeout: field(
      orNull(secondsFrom(0.001, MAX_PUSH_TIMEOUT_SECONDS), "as long as is left").optional(),
      `${SAYS.perTryTimeout}, which is also what it is when left out.`,
      5,
      null,
    ),
    budgetPercent: field(
      whole(0, 100).optional(),
      `${SAYS.budgetPercent}: 0 to 100. ${leftOut(retry.budgetPercent)}`,
      retry.budgetPercent,
    ),
  }),
  `${SAYS.retry}.`,
);

/** A service as sent: what is left out gets its default, also when the service exists. Durations are seconds. */
export const ServiceBody = described(
  z.strictObject({
    instances: field(
      z
        .array(InstanceBody)
        .min(1)
        .max(MAX_SERVICE_INSTANCES)
        .refine(
          (instances) => new Set(instances.map(({ url }) => instanceUrl(url))).size === instances.length,
          says("names no instance twice"),
        ),
      `${SAYS.instances}: ${upTo(MAX_SERVICE_INSTANCES)}, each once.`,
      [{ url: "https://mail-1.example.com" }, { url: "https://mail-2.example.com", weight: 2 }],
    ),
    strategy: field(
      z.enum(STRATEGIES).optional(),
      `${SAYS.strategy}. Left out: \`${DEFAULT_SERVICE.strategy}\`.`,
      "p2c",
    ),
    healthCheck: field(
      orNull(HealthCheckBody, "no checks").optional(),
      `${SAYS.healthCheck}. Null, or left out: no checks.`,
    ),
    outlier: field(orNull(OutlierBody, "off").optional(), `${SAYS.outlier}. ${OFF}. Left out: on, with its defaults.`),
    breaker: field(orNull(BreakerBody, "off").optional(), `${SAYS.breaker}. ${OFF}. Left out: on, with its defaults.`),
    bulkhead: field(
      orNull(BulkheadBody, "no limit").optional(),
      `${SAYS.bulkhead}. Null: no limit. Left out: its defaults.`,
    ),
    timeout: field(
      secondsFrom(0.001, MAX_PUSH_TIMEOUT_SECONDS).optional(),
      `${SAYS.timeout}: 0.001 to ${MAX_PUSH_TIMEOUT_SECONDS}. ${leftOut(DEFAULT_SERVICE.timeout)}`,
      DEFAULT_SERVICE.timeout,
    ),
    firstByteTimeout: field(
      secondsFrom(0.001, MAX_PUSH_TIMEOUT_SECONDS).optional(),
      `${SAYS.firstByteTimeout}: 0.001 to ${MAX_PUSH_TIMEOUT_SECONDS}. ${leftOut(DEFAULT_SERVICE.firstByteTimeout)}`,
      DEFAULT_SERVICE.firstByteTimeout,
    ),
    retry: field(RetryBody.optional(), `${SAYS.retry}. Left out: its defaults.`),
    rate: field(orNull(RateBody, "no limit").optional(), `${SAYS.rate}. Null, or left out: no limit.`, null),
  }),
  "A service, all of it: what is left out gets its default.",
  {
    instances: [{ url: "https://mail-1.example.com" }, { url: "https://mail-2.example.com" }],
    healthCheck: { path: "/healthz" },
    bulkhead: { maxInFlight: 20 },
  },
);
/** As parsed, and as sent. */
export type ServiceBody = z.output<typeof ServiceBody>;
