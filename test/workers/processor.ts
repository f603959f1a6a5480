import { createExecutionContext, createMessageBatch, getQueueResult, type QueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Doorbell } from "../../contract/doorbell.ts";
import type { Lane } from "../../domain/queue.ts";
import processor from "../limits/processor.ts";
import { shards } from "./api.ts";

/** The processor's own code over the gateway's objects and database: no consumer is attached here, so tests ring by hand. */

export const PROCESSOR_ENV: ProcessorEnv = {
  DB: env.DB,
  SHARD: env.SHARD,
  DIRECTORY: env.DIRECTORY,
  SERVICE: env.SERVICE,
  DURE_MASTER_KEY: env.DURE_MASTER_KEY,
  ALLOW_PRIVATE_TARGETS: "true",
  TARGET_HOSTS: "",
  PLATFORM_HOSTS: "",
  TARGET_BINDINGS: "",
  MAX_CONNECTIONS: "6",
  LANE_CONSUMERS: "250",
  SWEEP_MS: "0",
  LOCATION: "",
  JURISDICTION: "",
  WAIT_MS: "0",
};

let messages = 0;

/** Delivers one batch of messages and waits until the processor is done with it. */
export async function deliver(queue: string, bodies: unknown[], bindings = PROCESSOR_ENV): Promise<QueueResult> {
  const batch = createMessageBatch(
    queue,
    bodies.map((body) => ({ id: `message-${messages++}`, timestamp: Date.now(), attempts: 1, body })),
  );
  const context = createExecutionContext();
  await processor.queue(batch, bindings);
  return getQueueResult(batch, context);
}

/** Rings every shard for `lane`, as its bells would. */
export function work(lane: Lane = "default", bindings = PROCESSOR_ENV): Promise<QueueResult> {
  const bells: Doorbell[] = shards().map(({ id }) => ({ v: 1, kind: "work", shard: id, lane }));
  return deliver(`dure-${lane}`, bells, bindings);
}

/** Rings every shard's projector. */
export function project(bindings = PROCESSOR_ENV): Promise<QueueResult> {
  const bells: Doorbell[] = shards().map(({ id }) => ({ v: 1, kind: "history", shard: id }));
  return deliver("dure-history", bells, bindings);
}
