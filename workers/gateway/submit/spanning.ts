import { RPC_VERSION, type RunReply, type RunRequest } from "../../../contract/rpc.ts";
import { log, reasonOf } from "../log.ts";
import { Refusal } from "../refusal.ts";
import type { Services } from "../services.ts";
import type { AssignedJob } from "./submission.ts";
import type { SubmitOptions, Submitting } from "./submit.ts";

/** A transaction that was not begun this long after its batch came first is not begun any more. */
const BEGIN_WITHIN_MS = 60_000;
/** How often a transaction that cannot be reached is asked again, and how long the first pause is. */
const MAX_CALLS = 4;
const FIRST_PAUSE_MS = 100;
/** After this long nobody is asked again: the sender has to. */
const PATIENCE_MS = 10_000;

/**
 * Submits jobs of several shards, all or nothing, through a transaction of their own. Null when the jobs are to be planned
 * again, by settings that are newer. `plan` counts the plans: each is a transaction by itself.
 */
export async function submitSpanning(
  services: Services,
  jobs: readonly AssignedJob[],
  { plan, randomness, now, past }: SubmitOptions & { plan: number },
): Promise<Submitting[] | null> {
  const queues = [...new Set(jobs.map(({ settings }) => settings))];
  const request: RunRequest = {
    v: RPC_VERSION,
    id: plan === 0 ? randomness.batchId : `${randomness.batchId}.${plan}`,
    map: await services.shards.map(),
    queues,
    jobs: jobs.map(({ job, settings }) => ({ ...job, queue: queues.indexOf(settings) })),
    // Who has just asked what is past need not fear that the batch was accepted and forgotten.
    beginBy: (past === undefined ? now : Date.now()) + BEGIN_WITHIN_MS,
  };
  const reply = await run(services, request);
  switch (reply.type) {
    case "committed":
    case "refused":
      return jobs.map((assigned, i): Submitting => {
        const outcome = reply.verdicts[i];
        if (outcome === undefined) throw new Error("a transaction answered fewer verdicts than it was sent jobs");
        return outcome.type === "replayed" ? outcome : { type: "done", assigned, outcome };
      });
    case "settings":
      for (const settings of reply.settings) services.settings.learn(settings, Date.now());
      return null;
    case "unavailable":
      throw new Refusal("unavailable", "A shard did not answer in time: no job was accepted.", { accepted: "nothing" });
    case "too-late":
      throw undecidable();
  }
}

/** The batch may have been accepted or not, and nobody remembers. */
export function undecidable(): Refusal {
  const detail = "The batch was cut short, and how far it came is no longer known.";
  return new Refusal("idempotency-undecided", detail, { accepted: "unknown" });
}

/** The same run is joined by every call, so it is asked again whatever happened to the last one. */
async function run(services: Services, request: RunRequest): Promise<RunReply> {
  const until = Date.now() + PATIENCE_MS;
  for (let calls = 1, pauseMs = FIRST_PAUSE_MS; ; calls++, pauseMs *= 2) {
    try {
      // A stub is broken once it threw: each call takes a new one.
      return await services.transaction(request.id).run(request);
    } catch (error) {
      log("error", "transaction-unavailable", { id: request.id, reason: reasonOf(error) });
      if (calls >= MAX_CALLS || Date.now() + pauseMs > until) {
        const detail = "The batch is not decided yet. Sent again with its Idempotency-Key it tells its outcome.";
        throw new Refusal("unavailable", detail, { retryAfter: 2 });
      }
      await services.shards.pause(pauseMs);
    }
  }
}
