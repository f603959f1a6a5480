import * as z from "zod";
import { STRATEGIES } from "../domain/service/settings.ts";
import { ACCEPTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { DEFAULT_SERVICE } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { RateView } from "./queue.ts";
import { ServiceStateView } from "./service-state.ts";
import { OFF, SERVICE_SAYS as SAYS } from "./service-words.ts";
import { Timestamp } from "./time.ts";

/** A service as it is shown: all of its settings, and how it is at the moment. */

const { healthCheck, outlier, breaker, bulkhead, retry } = DEFAULT_SERVICE;

const seconds = (text: string, example: number) => field(z.number(), `${text}.`, example);
const count = (text: string, example: number) => field(z.int(), `${text}.`, example);

export const ServiceView = described(
  z.strictObject({
    name: field(Name, "The name of the service.", "mailer"),
    instances: field(
      z.array(
        described(
          z.strictObject({
            url: field(z.string(), `${SAYS.url}.`, "https://mail-1.example.com"),
            weight: count(SAYS.weight, 1),
            zone: field(z.string().nullable(), `${SAYS.zone}. Null: it is not said.`, null, "eu-1"),
          }),
          "One instance of a service.",
        ),
      ),
      `${SAYS.instances}.`,
    ),
    strategy: field(z.enum(STRATEGIES), `${SAYS.strategy}.`, "p2c"),
    healthCheck: field(
      described(
        z.strictObject({
          path: field(z.string(), `${SAYS.path}.`, "/healthz"),
          interval: seconds(SAYS.interval, healthCheck.interval),
          timeout: seconds(SAYS.checkTimeout, healthCheck.timeout),
          healthyThreshold: count(SAYS.healthyThreshold, healthCheck.healthyThreshold),
          unhealthyThreshold: count(SAYS.unhealthyThreshold, healthCheck.unhealthyThreshold),
          expect: described(
            z.strictObject({
              from: field(z.int(), "The lowest status of a healthy instance.", 200),
              to: field(z.int(), "The highest one.", 299),
            }),
            `${SAYS.expect}.`,
          ),
        }),
        `${SAYS.healthCheck}.`,
      ).nullable(),
      `${SAYS.healthCheck}. Null: no checks.`,
    ),
    outlier: field(
      described(
        z.strictObject({
          consecutiveFailures: count(SAYS.consecutiveFailures, outlier.consecutiveFailures),
          baseEjection: seconds(SAYS.baseEjection, outlier.baseEjection),
          maxEjectedPercent: count(SAYS.maxEjectedPercent, outlier.maxEjectedPercent),
        }),
        `${SAYS.outlier}.`,
      ).nullable(),
      `${SAYS.outlier}. ${OFF}.`,
    ),
    breaker: field(
      described(
        z.strictObject({
          failureRate: field(z.number(), `${SAYS.failureRate}.`, breaker.failureRate),
          minRequests: count(SAYS.minRequests, breaker.minRequests),
          window: seconds(SAYS.window, breaker.window),
          openFor: seconds(SAYS.openFor, breaker.openFor),
          halfOpenProbes: count(SAYS.halfOpenProbes, breaker.halfOpenProbes),
        }),
        `${SAYS.breaker}.`,
      ).nullable(),
      `${SAYS.breaker}. ${OFF}.`,
    ),
    bulkhead: field(
      described(
        z.strictObject({
          maxInFlight: count(SAYS.maxInFlight, bulkhead.maxInFlight),
          maxWaiting: count(SAYS.maxWaiting, bulkhead.maxWaiting),
        }),
        `${SAYS.bulkhead}.`,
      ).nullable(),
      `${SAYS.bulkhead}. Null: no limit.`,
    ),
    timeout: seconds(SAYS.timeout, DEFAULT_SERVICE.timeout),
    firstByteTimeout: seconds(SAYS.firstByteTimeout, DEFAULT_SERVICE.firstByteTimeout),
    retry: described(
      z.strictObject({
        attempts: count(SAYS.attempts, retry.attempts),
        perTryTimeout: field(z.number().nullable(), `${SAYS.perTryTimeout}.`, null, 5),
        budgetPercent: count(SAYS.budgetPercent, retry.budgetPercent),
      }),
      `${SAYS.retry}.`,
    ),
    rate: field(RateView.nullable(), `${SAYS.rate}. Null: no limit.`, null),
    version: field(
      z.int(),
      "Counts the changes of the service: of two copies the one with the higher number is newer.",
      1,
    ),
    createdAt: field(Timestamp, "When the service was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When its settings were last changed.", ACCEPTED_AT),
    state: field(ServiceStateView.optional(), "How the service is at the moment. Left out in a list."),
  }),
  "A service with all of its settings, and, where it is read by itself, how it is at the moment.",
);
export type ServiceView = z.infer<typeof ServiceView>;

export const ServiceListView = pageOf(ServiceView, "Services, the newest first");
