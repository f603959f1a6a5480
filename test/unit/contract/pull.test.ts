import { expect, test } from "vitest";
import { ClaimBody, ExtendBody, FailBody, ReportsBody, SucceedBody } from "../../../contract/pull.ts";
import { bad, checkLimits, fields } from "../../rigs/limit-tables.ts";

checkLimits("ClaimBody", ClaimBody, {
  at: [
    {},
    ...fields("max", [1, 100]),
    ...fields("wait", [0, 0.5, 60]),
    ...fields("leaseSeconds", [1, 86_400]),
    ...fields("worker", ["w".repeat(128)]),
  ],
  over: [
    ...bad("max", [0, 101, 1.5]),
    ...bad("wait", [-1, 60.1]),
    ...bad("leaseSeconds", [0.9, 86_401, null]),
    ...bad("worker", ["", "w".repeat(129), "\0"]),
    [{ queue: "q" }, "/queue"],
  ],
});

const ok = { lease: "l", ok: true };
const failed = { lease: "l", ok: false, error: { code: "c" } };

checkLimits("ReportsBody", ReportsBody, {
  at: [
    { reports: [] },
    { reports: Array(100).fill(ok) },
    {
      reports: [
        ok,
        { ...ok, result: null },
        { ...ok, result: { __proto__: 1 } },
        failed,
        { ...failed, retryAfter: 86_400 },
      ],
    },
    { reports: [{ ...failed, error: { code: "c".repeat(128), message: "m".repeat(4096), retryable: false } }] },
    { reports: [], claim: { queue: "q", max: 100, wait: 60, leaseSeconds: 1, worker: "w" } },
  ],
  over: [
    [{}, "/reports"],
    [{ reports: Array(101).fill(ok) }, "/reports"],
    [{ reports: [{ ok: true }] }, "/reports/0/lease"],
    [{ reports: [{ ...ok, lease: "" }] }, "/reports/0/lease"],
    [{ reports: [{ lease: "l" }] }, "/reports/0/ok"],
    [{ reports: [{ ...ok, error: { code: "c" } }] }, "/reports/0/error"],
    [{ reports: [{ lease: "l", ok: false }] }, "/reports/0/error"],
    [{ reports: [{ ...failed, error: { code: "" } }] }, "/reports/0/error/code"],
    [{ reports: [{ ...failed, error: { code: "c".repeat(129) } }] }, "/reports/0/error/code"],
    [{ reports: [{ ...failed, error: { code: "c", message: "m".repeat(4097) } }] }, "/reports/0/error/message"],
    [{ reports: [{ ...failed, error: { code: "c", message: "é".repeat(2049) } }] }, "/reports/0/error/message"],
    [{ reports: [{ ...failed, error: { code: "c", stack: "s" } }] }, "/reports/0/error/stack"],
    [{ reports: [{ ...failed, retryAfter: 86_401 }] }, "/reports/0/retryAfter"],
    [{ reports: [{ ...failed, retryAfter: -1 }] }, "/reports/0/retryAfter"],
    [{ reports: [], claim: {} }, "/claim/queue"],
    [{ reports: [], claim: { queue: "q", max: 101 } }, "/claim/max"],
    [{ reports: [], claim: { queue: "q", x: 1 } }, "/claim/x"],
  ],
});

checkLimits("SucceedBody", SucceedBody, { at: [{}, { result: null }], over: [[{ output: 1 }, "/output"]] });

checkLimits("FailBody", FailBody, {
  at: [{ error: { code: "c" } }],
  over: [
    [{}, "/error"],
    [{ error: {} }, "/error/code"],
  ],
});

checkLimits("ExtendBody", ExtendBody, {
  at: [
    {},
    ...fields("leaseSeconds", [1, 86_400]),
    ...fields("progress", [{}, { percent: 0 }, { percent: 100, message: "" }, { message: "쪽".repeat(341) }]),
    ...fields("checkpoint", [null, 0, "", [], { any: "thing" }]),
  ],
  over: [
    ...bad("leaseSeconds", [0, 86_401, null]),
    ...bad("progress", [null, 50, "half"]),
    [{ progress: { percent: -0.001 } }, "/progress/percent"],
    [{ progress: { percent: 100.001 } }, "/progress/percent"],
    [{ progress: { message: "쪽".repeat(342) } }, "/progress/message"],
    [{ progress: { message: "a\0b" } }, "/progress/message"],
    [{ progress: { message: "\ud800" } }, "/progress/message"],
    [{ progress: { at: 1 } }, "/progress/at"],
  ],
});

test("defaults of pull requests are filled in", () => {
  expect(ClaimBody.parse({})).toEqual({ begins: false, max: 10, wait: 0 });
  expect(FailBody.parse({ error: { code: "c" } })).toEqual({ error: { code: "c", message: "", retryable: true } });
});
