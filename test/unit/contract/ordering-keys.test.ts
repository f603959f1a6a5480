import { OrderingKeyBody, UnblockBody } from "../../../contract/ordering-keys.ts";
import { checkLimits } from "../../rigs/limit-tables.ts";

checkLimits("OrderingKeyBody", OrderingKeyBody, {
  at: [{ key: "k" }, { key: "k".repeat(256) }],
  over: [
    [{}, "/key"],
    [{ key: "" }, "/key"],
    [{ key: "k".repeat(257) }, "/key"],
    [{ key: "k", action: "skip" }, "/action"],
  ],
});

checkLimits("UnblockBody", UnblockBody, {
  at: [
    { key: "k", action: "retry" },
    { key: "k", action: "skip", jobId: "job_1" },
    { key: "k", action: "discard" },
  ],
  over: [
    [{ key: "k" }, "/action"],
    [{ key: "k", action: "redrive" }, "/action"],
    [{ key: "k", action: "skip", jobId: "" }, "/jobId"],
    [{ action: "skip" }, "/key"],
  ],
});
