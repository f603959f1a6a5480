import { createExecutionContext, createMessageBatch, getQueueResult, type QueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { ShardApi } from "../../contract/rpc.ts";
import gateway from "../limits/gateway.ts";
import { replaced } from "./faults.ts";

/** The ingest Queue in tests: what is sent to it is caught, and delivered by hand. */

export interface CaughtQueue {
  INGEST: Queue;
  /** Bodies, in the order in which they were sent. */
  sent: unknown[];
}

/** A Queue that keeps what it is sent; with `fails` it takes nothing, with `hangs` it never answers. */
export function caughtQueue(fault: "none" | "fails" | "hangs" = "none"): CaughtQueue {
  const sent: unknown[] = [];
  const sendBatch = async (messages: Iterable<{ body: unknown }>) => {
    if (fault === "fails") throw new Error("Queue sendBatch failed: Too Many Requests");
    if (fault === "hangs") await new Promise(() => undefined);
    // As the platform does: what is delivered later is a copy.
    for (const { body } of messages) sent.push(structuredClone(body));
  };
  return { INGEST: replaced(env.INGEST, { sendBatch }), sent };
}

/** How a shard is away: it never answers, also after having acted (late), or its calls fail, also after that (lost). */
export type Away = "silent" | "late" | "broken" | "lost";

/** Shards that are away for `methods`, all of them by default; only those of `ids` when these are named. */
export function awayShards(how: Away, methods: (keyof ShardApi)[] | null = null, ids: string[] | null = null) {
  const getByName = (name: string) => {
    const stub = env.SHARD.getByName(name);
    if (ids !== null && !ids.includes(name)) return stub;
    return new Proxy(stub, {
      get(real, method: keyof ShardApi) {
        const act = (...args: unknown[]) =>
          Reflect.apply(real[method] as (...args: unknown[]) => Promise<unknown>, real, args);
        if (methods !== null && !methods.includes(method)) return act;
        return async (...args: unknown[]) => {
          if (how === "late" || how === "lost") await act(...args);
          if (how === "broken" || how === "lost") throw new Error("Durable Object is overloaded.");
          return new Promise(() => undefined);
        };
      },
    });
  };
  return replaced(env.SHARD, { getByName });
}

/** The bindings of a gateway whose shards are away, with a Queue that catches what it defers. */
export function awayGateway(how: Away, queue = caughtQueue()): Env & { sent: unknown[] } {
  return { ...env, SHARD: awayShards(how), INGEST: queue.INGEST, sent: queue.sent };
}

let messages = 0;
/** When each message was sent: the same at each delivery. */
const timestamps = new Map<string, number>();

export interface Delivery {
  /** How old messages are that have not come before. */
  ageMs?: number;
  attempts?: number;
  bindings?: Env;
  /** Of the messages; new ones by default. */
  ids?: string[];
}

/** Delivers one batch to the gateway's consumer and waits until it is done with it. */
export async function consume(bodies: unknown[], options: Delivery = {}): Promise<QueueResult & { acked: number }> {
  const { ageMs = 0, attempts = 1, bindings = { ...env }, ids = bodies.map(() => `ingest-${messages++}`) } = options;
  const timestampOf = (id: string) => {
    const sentAt = timestamps.get(id) ?? Date.now() - ageMs;
    timestamps.set(id, sentAt);
    return new Date(sentAt);
  };
  const batch = createMessageBatch(
    "dure-ingest",
    ids.map((id, i) => ({ id, timestamp: timestampOf(id), attempts, body: bodies[i] })),
  );
  const context = createExecutionContext();
  await gateway.queue(batch, bindings);
  const result = await getQueueResult(batch, context);
  return { ...result, acked: result.explicitAcks.length };
}

/** Dead letters as they are kept, oldest first. */
export async function deadLetters(): Promise<{ id: string; reason: string; body: string }[]> {
  const query = "SELECT id, reason, body FROM dead_letters ORDER BY received_at, id";
  return (await env.DB.prepare(query).all<{ id: string; reason: string; body: string }>()).results;
}
