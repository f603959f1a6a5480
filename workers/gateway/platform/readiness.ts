import type { ReadyView } from "../../../contract/admin.ts";
import { isProblem } from "../../../contract/problems.ts";
import { primary } from "../../db/client.ts";
import { findNamespace } from "../../db/namespaces.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";

/** A dependency that has not answered by then is as good as down. */
const DEADLINE_MS = 2000;

type Check = ReadyView["checks"]["d1"];

/** Asks every dependency something real. Without the Directory or a shard nothing goes; without the others, most does. */
export async function readiness(services: Services): Promise<ReadyView> {
  const { shards } = services;
  const [d1, kv, queues, directory, all] = await Promise.all([
    check("d1", () => findNamespace(primary(services.database), "default")),
    check("kv", services.pings.kv),
    check("queues", services.pings.queues),
    check("directory", () => shards.refresh()),
    check("shards", () => shards.all({ idempotent: true }, (shard, head) => shard.wake(head))),
  ]);
  const checks = { d1, kv, queues, shards: all, directory };
  const down = !all.ok || !directory.ok;
  return { status: down ? "down" : d1.ok && kv.ok && queues.ok ? "ok" : "degraded", checks };
}

async function check(name: string, ask: () => Promise<unknown>): Promise<Check> {
  const start = Date.now();
  const verdict = (ok: boolean): Check => ({ ok, latencyMs: Date.now() - start });
  const fails = (why: unknown): Check => {
    log("warn", "not-ready", { check: name, reason: reasonOf(why) });
    return verdict(false);
  };
  try {
    const answer = await withDeadline(ask());
    return isProblem(answer) ? fails(answer) : verdict(true);
  } catch (error) {
    return fails(error);
  }
}

async function withDeadline(work: Promise<unknown>): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
