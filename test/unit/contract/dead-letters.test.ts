import { PurgeBody, RedriveBody } from "../../../contract/dead-letters.ts";
import { bad, checkLimits } from "../../rigs/limit-tables.ts";

checkLimits("RedriveBody", RedriveBody, {
  at: [
    {},
    { filter: {} },
    { filter: { errorCode: "e", tag: "t", finishedBefore: "2026-12-01T00:00:00Z" }, ratePerSecond: 0.5, dryRun: true },
    { filter: { fingerprint: "0123456789abcdef", orderingKey: "k", finishedAfter: "2026-12-01T00:00:00Z" } },
    { filter: { createdAfter: "2026-12-01T00:00:00Z", createdBefore: "2026-12-02T00:00:00Z" }, queue: "other" },
    { patch: { a: null } },
    { patch: null },
  ],
  over: [
    [{ filter: { state: "failed" } }, "/filter/state"],
    [{ filter: { errorCode: "" } }, "/filter/errorCode"],
    [{ filter: { finishedBefore: "x" } }, "/filter/finishedBefore"],
    ...bad("ratePerSecond", [0, -1, 100_001]),
    ...bad("dryRun", [1]),
    ...bad("queue", ["", "Q", null]),
    [{ filter: { fingerprint: "0123456789ABCDEF" } }, "/filter/fingerprint"],
    [{ filter: { orderingKey: "" } }, "/filter/orderingKey"],
    [{ filter: { createdAfter: 1 } }, "/filter/createdAfter"],
  ],
});

checkLimits("PurgeBody", PurgeBody, {
  at: [{}, { failed: true }, { failed: true, filter: { tag: "t" } }, { failed: false }],
  over: [
    [{ filter: {} }, "/filter"],
    [{ failed: false, filter: {} }, "/filter"],
    [{ failed: "yes" }, "/failed"],
    [{ failed: true, filter: { state: "failed" } }, "/filter/state"],
  ],
});
