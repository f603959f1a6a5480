import { expect, test } from "vitest";
import type { HealthCheckSettings } from "../../../../domain/service/settings.ts";
import { checkAll, type ProbeAnswer } from "../../../../durable-objects/service/health-checks.ts";

const SETTINGS: HealthCheckSettings = {
  path: "/healthz",
  intervalMs: 1_000,
  timeoutMs: 500,
  healthyThreshold: 1,
  unhealthyThreshold: 1,
  expect: { from: 200, to: 299 },
};
const URLS = ["https://a.example", "https://b.example/base"];

/** What checks come to where everything answers so, and what was asked. */
async function checked(answer: ProbeAnswer, settings: Partial<HealthCheckSettings> = {}) {
  const asked: string[] = [];
  const results = await checkAll(URLS, { ...SETTINGS, ...settings }, async (url) => {
    asked.push(url);
    return answer;
  });
  return { asked, results };
}

test.each([
  [{ type: "answered", status: 204 }, true, "It answered 204."],
  [{ type: "answered", status: 301 }, false, "It answered 301."],
  [{ type: "none", why: "did not answer within 500 ms" }, false, "It did not answer within 500 ms."],
] as [ProbeAnswer, boolean, string][])("each instance is asked once, and %j is %j", async (answer, ok, detail) => {
  const { asked, results } = await checked(answer);
  expect(asked).toEqual(["https://a.example/healthz", "https://b.example/base/healthz"]);
  expect(results).toEqual(URLS.map((url) => ({ url, ok, detail })));
});

test("no more than six are asked at once", async () => {
  let now = 0;
  let most = 0;
  const urls = Array.from({ length: 20 }, (_, i) => `https://${i}.example`);
  const results = await checkAll(urls, SETTINGS, async () => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    return { type: "answered", status: 200 };
  });
  expect([most, results.length]).toEqual([6, 20]);
});

test("a path that leads out of the instance is not asked for: the check fails, and says why", async () => {
  const { asked, results } = await checked({ type: "answered", status: 200 }, { path: "/../../admin" });
  expect(asked).toEqual([]);
  expect(results).toEqual(
    URLS.map((url) => ({ url, ok: false, detail: "It may not be called: the path of the check leads out of it." })),
  );
});
