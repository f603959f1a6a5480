/** Calls with a deduplication key, and what a test asks of their answers. */
import type * as rpc from "../../contract/rpc.ts";
import { type Harness, HOUR, only } from "./shard-harness.ts";

/** The part of a job that asks for deduplication: by default key "k", for an hour. */
export function dedup(onConflict: rpc.Dedup["onConflict"], over: Partial<rpc.Dedup> = {}): { dedup: rpc.Dedup } {
  return { dedup: { key: "k", windowMs: HOUR, onConflict, maxDelayMs: null, ...over } };
}

/** Sends one job and says who answered, and how. */
export function ask(h: Harness, over: Partial<rpc.NewJob>): { type: rpc.Submitted["type"]; id: string } {
  const job = h.job(over);
  const answer = only(h.submit([job]));
  return { type: answer.type, id: "id" in answer ? answer.id : job.id };
}
