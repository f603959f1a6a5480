import { idempotency, isProblem, type Result, unavailable } from "../../../contract/problems.ts";
import { RPC_VERSION, type RunReply, type RunRequest } from "../../../contract/rpc.ts";
import { log, reasonOf } from "../log.ts";
import type { AssignedJob } from "../routing/assigned-job.ts";
import type { Services } from "../services.ts";
import type { SubmitOptions, Submitting } from "./options.ts";

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
): Promise<Result<Submitting[] | null>> {
  const map = await services.shards.map();
  if (isProblem(map)) return map;
  const queues = [...new Set(jobs.map(({ settings }) => settings))];
  const request: RunRequest = {
    v: RPC_VERSION,
    id: plan === 0 ? randomness.batchId : `${randomness.batchId}.${plan}`,
    map,
    queues,
    jobs: jobs.map(({ job, settings }) => ({ ...job, queue: queues.indexOf(settings) })),
    // Who has just asked what is past need not fear that the batch was accepted and forgotten.
    beginBy: (past === undefined ? now : Date.now()) + BEGIN_WITHIN_MS,
  };
  const reply = await run(services, request);
  if (isProblem(reply)) return reply;
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
      return unavailable.aborted();
    case "too-late":
      return idempotency.batchUndecided();
  }
}

/** The same run is joined by every call, so it is asked again whatever happened to the last one. */
async function run(services: Services, request: RunRequest): Promise<Result<RunReply>> {
  const until = Date.now() + PATIENCE_MS;
  for (let calls = 1, pauseMs = FIRST_PAUSE_MS; ; calls++, pauseMs *= 2) {
    try {
      // A stub is broken once it threw: each call takes a new one.
      return await services.transaction(request.id).run(request);
    } catch (error) {
      log("error", "transaction-unavailable", { id: request.id, reason: reasonOf(error) });
      if (calls >= MAX_CALLS || Date.now() + pauseMs > until) return unavailable.undecided();
      await services.shards.pause(pauseMs);
    }
  }
}
