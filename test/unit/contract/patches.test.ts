import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { patched } from "../../../contract/merge-patch.ts";
import { QueuePatch, SchedulePatch, ServicePatch, SubscriptionPatch } from "../../../contract/patches.ts";
import { QueueBody } from "../../../contract/queue.ts";
import { ScheduleBody } from "../../../contract/schedule.ts";
import { ServiceBody } from "../../../contract/service.ts";
import { SubscriptionBody } from "../../../contract/subscription.ts";

describe.each<[string, z.ZodType, z.ZodType, unknown]>([
  [
    "queue",
    QueueBody,
    QueuePatch,
    {
      target: { type: "http", url: "https://a.example", headers: { a: "b" } },
      rate: { limit: 5, period: 1 },
      paused: true,
    },
  ],
  [
    "schedule",
    ScheduleBody,
    SchedulePatch,
    { cron: "* * * * *", job: { payload: { a: 1 }, retry: { delay: 1 } }, catchUp: { window: 60 } },
  ],
  [
    "subscription",
    SubscriptionBody,
    SubscriptionPatch,
    { events: ["job.failed"], filter: { tag: "x" }, target: { type: "queue", binding: "OUT" } },
  ],
  [
    "service",
    ServiceBody,
    ServicePatch,
    { instances: [{ url: "https://a.example", weight: 2 }], healthCheck: { path: "/" }, breaker: null, rate: null },
  ],
])("of a %s", (_, body, patch, example) => {
  test("whatever a PUT takes, a PATCH takes too, and it makes the same", () => {
    expect(patch.safeParse(example)).toMatchObject({ success: true, data: example });
    expect(body.parse(patched(body, {}, example))).toEqual(body.parse(example));
  });

  test("a member that is none is refused, null too", () => {
    expect(patch.safeParse({ nosuch: null }).success).toBe(false);
  });
});
