import { describe, expect, test } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import { ServiceBody } from "../../../../../contract/service.ts";
import { ServiceView } from "../../../../../contract/service-view.ts";
import {
  checkInstances,
  forgottenService,
  serviceBodyOf,
  serviceFrom,
  serviceStateView,
  serviceView,
} from "../../../../../workers/gateway/services/service-settings.ts";
import { PUBLIC_TARGETS } from "../../../../rigs/target-rules.ts";

const STAMP = { namespace: "default", name: "mailer", version: 3, createdAt: 1_000, updatedAt: 2_000 };
const INSTANCES = [{ url: "https://a.example" }, { url: "https://b.example:8443/base", weight: 3, zone: "eu" }];

const made = (body: object) => serviceFrom(ServiceBody.parse({ instances: INSTANCES, ...body }), STAMP);

describe.each<[string, object]>([
  ["with nothing but instances", {}],
  ["with every part switched off", { healthCheck: null, outlier: null, breaker: null, bulkhead: null, rate: null }],
  [
    "with every part named",
    {
      strategy: "roundRobin",
      healthCheck: { path: "/h?x=1", interval: 1.5, timeout: 0.25, expect: { from: 200, to: 204 } },
      outlier: { consecutiveFailures: 1, baseEjection: 0.5, maxEjectedPercent: 0 },
      breaker: { failureRate: 0.01, minRequests: 1, window: 1, openFor: 0.1, halfOpenProbes: 1 },
      bulkhead: { maxInFlight: 1, maxWaiting: 0 },
      timeout: 0.001,
      firstByteTimeout: 900,
      retry: { attempts: 10, perTryTimeout: 1.25, budgetPercent: 100 },
      rate: { limit: 7, period: 0.5 },
    },
  ],
])("settings %s", (_, body) => {
  test("are shown as the contract has it", () => {
    expect(ServiceView.parse(serviceView(made(body)))).toMatchObject({ name: "mailer", version: 3 });
  });

  test("put as they are shown are the same", () => {
    const settings = made(body);
    expect(serviceFrom(ServiceBody.parse(serviceBodyOf(settings)), STAMP)).toEqual(settings);
  });
});

test("an instance that may not be called is named by its place", () => {
  const refused = checkInstances(made({ instances: [...INSTANCES, { url: "http://10.0.0.1" }] }), PUBLIC_TARGETS);
  expect(isProblem(refused) && refused.extras.errors?.map(({ pointer }) => pointer)).toEqual(["/instances/2/url"]);
  expect(checkInstances(made({}), PUBLIC_TARGETS)).toBeNull();
});

test("of a deleted service no instance is kept", () => {
  expect(forgottenService(made({ healthCheck: { path: "/" } }))).toMatchObject({ instances: [], healthCheck: null });
});

test("a state is shown with times for people and whole tenths of a millisecond", () => {
  const event = { at: 0, url: "https://a.example", from: "healthy", to: "ejected", because: "It failed." };
  const view = serviceStateView({
    breaker: { state: "open", nextProbeAt: 1_000 },
    inFlight: 2,
    instances: [
      {
        url: "https://a.example",
        state: "ejected",
        because: "It failed.",
        inFlight: 1,
        ewmaMs: 12.3456,
        successRate: 0.5,
        lastCheck: { at: 0, ok: true, detail: "It answered 200." },
        events: [event],
      },
    ],
    events: [{ ...event, url: null }],
  });
  expect(view).toMatchObject({
    breaker: { state: "open", nextProbeAt: "1970-01-01T00:00:01.000Z" },
    instances: [{ latencyMs: 12.3, lastCheck: { at: "1970-01-01T00:00:00.000Z" } }],
  });
  const { url: _, ...shown } = { ...event, at: "1970-01-01T00:00:00.000Z" };
  expect(view.events).toEqual([shown]);
});
