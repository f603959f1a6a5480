import { isProblem, type Result } from "../../../contract/problems.ts";
import type { JobReply, Reply } from "../../../contract/rpc.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import type { Answered } from "../routing/shard-client.ts";
import { Watches } from "../routing/watches.ts";
import type { Services } from "../services.ts";

/**
 * The shard holds the call that asks for a job no longer than this: most jobs that somebody waits for end sooner, and from here on a
 * watch is cheaper than an object that is held (`docs/adr/0041`).
 */
const HOLD_MS = 200;
/** A job that was worth looking at and has not ended is looked at again no sooner than this. */
const PAUSE_MS = 250;

type Asked = Result<Reply<Answered<JobReply>>>;

/** Asks the job's shard for it, as soon as it has ended or `waitMs` have passed. */
export async function askForEnd(services: Services, name: JobName, waitMs: number): Promise<Asked> {
  const clock = () => Date.now();
  const until = clock() + waitMs;
  const asked = await ask(services, name, waitMs > 2 * HOLD_MS ? HOLD_MS : waitMs);
  if (isSaid(asked) || until <= clock()) return asked;
  const watches = await watchesOf(services, name, { until, clock });
  if (isProblem(watches)) return watches;
  try {
    for (;;) {
      const shard = await watches.next();
      const now = await ask(services, name, 0);
      if (shard === null || isSaid(now)) return now;
      void services.shards.pause(PAUSE_MS).then(() => watches.waitOn(shard));
    }
  } finally {
    watches.close();
  }
}

function ask({ shards }: Services, name: JobName, waitMs: number): Promise<Asked> | Asked {
  const slot = slotOfJob(name.id);
  if (isProblem(slot)) return slot;
  return shards.askWithLog(slot, { idempotent: true }, (shard, head) => shard.get({ ...head, ...name, waitMs }));
}

/** Nothing is left to wait for. */
function isSaid(asked: Asked): boolean {
  return isProblem(asked) || hasEnded(asked.result);
}

function hasEnded(reply: { type: string } | Answered<JobReply>): boolean {
  return !("job" in reply) || isFinal(reply.job.state);
}

async function watchesOf(
  { shards }: Services,
  name: JobName,
  when: { until: number; clock: () => number },
): Promise<Result<Watches>> {
  const [map, slot] = [await shards.map(), slotOfJob(name.id)];
  if (isProblem(map)) return map;
  if (isProblem(slot)) return slot;
  return new Watches(shards, {
    ...when,
    shards: [ownerOf(map, slot)],
    watched: { for: "end", ...name },
    ask: async (id, waitMs) => {
      const reply = await shards.once(id, { idempotent: true }, (shard, head) =>
        shard.get({ ...head, ...name, waitMs }),
      );
      return isProblem(reply) ? reply : hasEnded(reply);
    },
  });
}
