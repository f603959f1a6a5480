import { describe, expect, test } from "vitest";
import type { QueueBody } from "../../../../../contract/queue.ts";
import { settingsFrom } from "../../../../../contract/queue-settings.ts";
import type { TargetDeployment } from "../../../../../domain/target.ts";
import type { TargetRules } from "../../../../../domain/target-url.ts";
import { checkLimits, checkSettings } from "../../../../../workers/gateway/queues/queue-settings.ts";
import { ANY_TARGET, PUBLIC_TARGETS } from "../../../../rigs/target-rules.ts";

/** What the deployment lets targets be. */
function deployment(urls: TargetRules): TargetDeployment {
  return {
    urls,
    handlers: ["noop"],
    bindings: new Map([
      ["MAILER", "worker"],
      ["OUT", "queue"],
    ]),
  };
}

const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0, updatedAt: 0 };

describe("settings that cannot work", () => {
  test.each<[string, QueueBody, string]>([
    ["an unknown handler", { target: { type: "handler", name: "nope" } }, "handler-not-found"],
    ["a private destination", { target: { type: "http", url: "http://10.0.0.1/", headers: {} } }, "target-refused"],
    [
      "a binding that the deployment does not list",
      { target: { type: "worker", binding: "OTHER" } },
      "binding-not-found",
    ],
    ["a binding of another kind", { target: { type: "worker", binding: "OUT" } }, "binding-not-found"],
    ["a binding of Dure's own", { target: { type: "queue", binding: "LANE_BULK" } }, "binding-not-found"],
    ["a push timeout over 15 minutes", { target: { type: "handler", name: "noop" }, timeout: 901 }, "invalid-request"],
  ])("%s is refused", (_, body, code) => {
    const check = { targets: deployment(PUBLIC_TARGETS), sent: body };
    expect(checkSettings(settingsFrom(body, stamp), check)).toMatchObject({ code });
  });

  test.each<[string, QueueBody, boolean]>([
    ["nothing", {}, false],
    ["a long pull timeout", { timeout: 86_400 }, false],
    ["a listed service binding", { target: { type: "worker", binding: "MAILER" } }, false],
    ["a listed producer binding", { target: { type: "queue", binding: "OUT" } }, false],
    ["a public destination", { target: { type: "http", url: "https://example.com/", headers: {} } }, false],
    [
      "a private destination where those are allowed",
      { target: { type: "http", url: "http://127.0.0.1:1/", headers: {} } },
      true,
    ],
  ])("%s is fine", (_, body, allowPrivate) => {
    const check = { targets: deployment(allowPrivate ? ANY_TARGET : PUBLIC_TARGETS), sent: body };
    expect(checkSettings(settingsFrom(body, stamp), check)).toBeNull();
  });
});

describe("a limit and the partitions", () => {
  test.each<[QueueBody, string, string]>([
    [{ concurrency: 3, partitions: 4 }, "/concurrency", "concurrency must be at least 4, the number of partitions: "],
    [
      { rate: { limit: 3, period: 1 }, partitions: 4 },
      "/rate/limit",
      "limit must be at least 4, the number of partitions: ",
    ],
  ])("do not go together: %j", (body, pointer, start) => {
    const ways = 'send "partitions" of 3 or less, or raise the limit to at least 4.';
    expect(checkLimits(settingsFrom(body, stamp), body)).toMatchObject({
      code: "limit-below-partitions",
      extras: { errors: [{ pointer, detail: start + ways }] },
    });
  });

  test("do not go together, and it is said of the partitions where those are what was sent", () => {
    const settings = settingsFrom({ concurrency: 3, partitions: 4 }, stamp);
    expect(checkLimits(settings, { partitions: 4 })).toMatchObject({
      extras: {
        errors: [{ pointer: "/partitions", detail: expect.stringMatching(/^partitions must be at most 3, .*\.$/) }],
      },
    });
  });

  test.each<[QueueBody]>([[{ concurrency: 3 }], [{ concurrency: 4, partitions: 4 }], [{ partitions: 4 }]])(
    "go together: %j",
    (body) => {
      expect(checkLimits(settingsFrom(body, stamp), body)).toBeNull();
    },
  );
});
