import { describe, expect, test } from "vitest";
import type { QueueBody } from "../../../../../contract/queue.ts";
import { settingsFrom } from "../../../../../contract/queue-settings.ts";
import { checkSettings } from "../../../../../workers/gateway/queues/queue-settings.ts";

const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0, updatedAt: 0 };

describe("settings that cannot work", () => {
  test.each<[string, QueueBody, string]>([
    ["a limit below the partitions", { concurrency: 3, partitions: 4 }, "limit-below-partitions"],
    ["an unknown handler", { target: { type: "handler", name: "nope" } }, "handler-not-found"],
    ["a private destination", { target: { type: "http", url: "http://10.0.0.1/", headers: {} } }, "target-refused"],
    ["a push timeout over 15 minutes", { target: { type: "handler", name: "noop" }, timeout: 901 }, "invalid-request"],
  ])("%s is refused", (_, body, code) => {
    const check = { allowPrivateTargets: false, sent: body };
    expect(checkSettings(settingsFrom(body, stamp), check)).toMatchObject({ code });
  });

  test.each<[string, QueueBody, boolean]>([
    ["nothing", {}, false],
    ["a limit with its one partition", { concurrency: 3 }, false],
    ["a limit equal to the partitions", { concurrency: 4, partitions: 4 }, false],
    ["a long pull timeout", { timeout: 86_400 }, false],
    ["a public destination", { target: { type: "http", url: "https://example.com/", headers: {} } }, false],
    [
      "a private destination where those are allowed",
      { target: { type: "http", url: "http://127.0.0.1:1/", headers: {} } },
      true,
    ],
  ])("%s is fine", (_, body, allowPrivate) => {
    const check = { allowPrivateTargets: allowPrivate, sent: body };
    expect(checkSettings(settingsFrom(body, stamp), check)).toBeNull();
  });
});
