import { expect, test } from "vitest";
import { implicitDefault } from "../../../../../contract/queue-settings.ts";
import { jobFromAccepted } from "../../../../../workers/gateway/routing/assigned-job.ts";
import { NOW, submission, submitAll, submitOptions, submitRig, takesAll } from "../../../../rigs/gateway-parts.ts";

test("the job in the answer has the queue's settings under what was sent", async () => {
  const { services } = submitRig(takesAll, [implicitDefault("default")]);
  const [result] = await submitAll(
    services,
    [await submission({ payload: { a: 1 }, retry: { maxAttempts: 2 } }, NOW)],
    submitOptions(),
  );
  if (result?.type !== "done" || result.outcome.type !== "accepted") throw new Error("not accepted");
  expect(jobFromAccepted(result.assigned, result.outcome)).toMatchObject({
    state: "queued",
    attempt: 0,
    timeoutMs: 60_000,
    retry: { maxAttempts: 2, backoff: "exponential", delayMs: 10_000 },
    payload: '{"a":1}',
    attempts: [],
  });
});
