import { bad, badNames, fields, k256, names, p, type Table, year } from "./limit-tables.ts";

const badKeys = ["", `${k256}k`, `${"é".repeat(128)}x`, "a\0b", "\ud800", "a\udc00b", 1, null];

/** The limits of what submits a job. */
export const submits: Table = {
  at: [
    ...fields("payload", [null, 0, "", false, [], {}, { deep: [{}] }]),
    ...fields("queue", names, p),
    ...fields("orderingKey", ["k", k256, "é".repeat(128), "두레", "👩‍🚀"], p),
    ...fields("concurrencyKey", ["k", k256], p),
    ...fields("idempotencyKey", [k256], p),
    ...fields("priority", [0, 9], p),
    ...fields("delay", [0, 0.5, year], p),
    ...fields("runAt", ["2026-12-01T00:00:00+09:00"], p),
    ...fields("expiresAt", ["2026-12-01T00:00:00Z"], p),
    ...fields("timeout", [0.001, 86_400], p),
    ...fields(
      "retry",
      [{}, { maxAttempts: 1 }, { maxAttempts: 100 }, { backoff: "linear", delay: 0, maxDelay: year, jitter: "none" }],
      p,
    ),
    ...fields("tags", [[], ["t".repeat(64)], Array(10).fill("t")], p),
  ],
  over: [
    [{}, "/payload"],
    [{ ...p, state: "queued" }, "/state"],
    [{ ...p, "a/b~": 1 }, "/a~1b~0"],
    [JSON.parse('{"payload":1,"__proto__":{"queue":"x"}}'), "/__proto__"],
    [JSON.parse('{"payload":1,"constructor":1}'), "/constructor"],
    ...bad("queue", badNames, p),
    ...bad("orderingKey", badKeys, p),
    ...bad("concurrencyKey", badKeys, p),
    ...bad("idempotencyKey", badKeys, p),
    ...bad("priority", [-1, 10, 1.5, "5", null], p),
    ...bad("delay", [-0.001, year + 1, "1", null, Number.POSITIVE_INFINITY, Number.NaN], p),
    ...bad("runAt", ["2026-12-01", "", 1764547200000, null], p),
    ...bad("runAt", ["2026-12-01T00:00:00Z"], { ...p, delay: 0 }),
    ...bad("expiresAt", ["2026-02-30T00:00:00Z", null], p),
    ...bad("timeout", [0, -1, 86_400.001, "60", null], p),
    ...bad("retry", [null, [], 5], p),
    ...bad("retry", [{ maxAttempts: 0 }, { maxAttempts: 101 }, { maxAttempts: 1.5 }], p, "/retry/maxAttempts"),
    ...bad("retry", [{ backoff: "quadratic" }], p, "/retry/backoff"),
    ...bad("retry", [{ jitter: "some" }], p, "/retry/jitter"),
    ...bad("retry", [{ delay: -1 }, { delay: year + 1 }], p, "/retry/delay"),
    ...bad("retry", [{ maxDelay: year + 1 }], p, "/retry/maxDelay"),
    ...bad("retry", [{ attempts: 1 }], p, "/retry/attempts"),
    ...bad("tags", [Array(11).fill("t"), "t", null], p),
    ...bad("tags", [[""], ["t".repeat(65)], ["é".repeat(33)], ["\0"], [1]], p, "/tags/0"),
  ],
};
