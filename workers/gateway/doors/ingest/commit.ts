import type { DeferredMessage } from "../../../../contract/ingest.ts";
import { invalid, isProblem, type Result, unavailable } from "../../../../contract/problems.ts";
import type { Submitted } from "../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../domain/queue.ts";
import { slotOf } from "../../../../domain/slots.ts";
import { primary } from "../../../db/client.ts";
import { findQueue } from "../../../db/queues.ts";
import { fromDatabase } from "../../database.ts";
import { type CommittedJobs, SURELY_KNOWN_MS } from "../../jobs/committed-jobs.ts";
import { slotOfJob } from "../../routing/job-name.ts";
import type { Services } from "../../services.ts";
import { DONE, type Verdict } from "./verdict.ts";

/** Each newer version of the settings that a shard knows is one try more. */
const MAX_TRIES = 4;

interface CommitContext {
  services: Services;
  committed: CommittedJobs;
}

/** A deferred job and the message that brings it. */
export interface Deferred {
  id: string;
  body: unknown;
  message: DeferredMessage;
  /** When the Queue took the message, by its own clock, epoch ms. */
  sentAt: number;
  /** Deliveries so far, this one among them. */
  attempts: number;
}

/**
 * Commits one deferred job under its own id. Whether it was committed before is asked first where its shard
 * may have forgotten that: it has its row for a minute at least after its end, and history has it for
 * `DEFERRED_KNOWN_MS` after its making, deleted jobs too, while no message lives longer than four days. Done is a message
 * only when the job's record says so, too: from then on no reader is told of what the job was before its commit.
 */
export async function commitDeferred(
  context: CommitContext,
  deferred: Deferred,
  now: number,
): Promise<Result<Verdict>> {
  const verdict = await committed(context, deferred, now);
  if (verdict !== DONE) return verdict;
  const { namespace, job } = deferred.message;
  return (await context.services.accepted.close({ namespace, id: job.id })) ? DONE : OPEN;
}

/** The job is committed, and its record says still that it waits. */
const OPEN: Verdict = { letters: [], retry: { reason: "the job's record cannot be closed", afterMs: 0 } };

/** `DONE` when the job's shard or history has it. */
async function committed(context: CommitContext, deferred: Deferred, now: number): Promise<Result<Verdict>> {
  const { message } = deferred;
  const { namespace, queue, job } = message;
  if (slotOfJob(job.id) !== slotOf(namespace, queue, job.partition)) {
    return invalid.request("The job's id is not of its place.");
  }
  if (mayBeForgotten(deferred, now)) {
    const known = await context.committed.of([{ namespace, id: job.id }]);
    if (isProblem(known)) return known;
    if (known.existing.size + known.past.size > 0) return DONE;
  }
  const outcome = await submitted(context, message, now);
  if (isProblem(outcome)) return outcome;
  // Every other outcome is written in the shard by now, as the job's beginning or as its end.
  if (outcome.type !== "undecided") return DONE;
  return { letters: [], retry: { reason: "a key of the job is held by a batch that is not decided", afterMs: 0 } };
}

/**
 * Whether the job may have come, gone and been forgotten since. No one clock is trusted with it: the gateway's may be ahead
 * of this one, and this one may have stepped back.
 */
function mayBeForgotten({ message, sentAt, attempts }: Deferred, now: number): boolean {
  const age = now - (message.job.createdAt ?? 0);
  return attempts > 1 || age < 0 || Math.max(age, now - sentAt) > SURELY_KNOWN_MS;
}

async function submitted(
  { services }: CommitContext,
  { namespace, queue, job }: DeferredMessage,
  now: number,
): Promise<Result<Submitted>> {
  const slot = slotOf(namespace, queue, job.partition);
  let settings = await settingsOf(services, { namespace, queue, now });
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (isProblem(settings)) return settings;
    const sent = {
      queues: [settings],
      jobs: [{ ...job, queue: 0, comesAgain: true as const }],
      atomic: false,
      deferred: true as const,
    };
    const reply = await services.shards.ask(slot, { idempotent: true }, (shard, head) =>
      shard.submit({ ...head, ...sent }),
    );
    if (isProblem(reply)) return reply;
    if (reply.type === "submitted") {
      const [result] = reply.results;
      if (result === undefined) throw new Error("a shard answered fewer results than it was sent jobs");
      return result;
    }
    settings = reply.settings;
    services.settings.learn(settings, now);
  }
  return unavailable.queueChanging();
}

/** Of a deleted queue, too: its shard writes down that the job came too late. */
async function settingsOf(
  { settings: cache, database }: Services,
  { namespace, queue, now }: { namespace: string; queue: string; now: number },
): Promise<Result<QueueSettings>> {
  const settings = await cache.get(namespace, queue, now);
  if (!isProblem(settings) || settings.code !== "queue-not-found") return settings;
  return (await fromDatabase(() => findQueue(primary(database), namespace, queue))) ?? settings;
}
