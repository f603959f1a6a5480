import type { SubmitBody } from "../../../contract/job.ts";
import { conflict, full, isProblem, notFound, type Problem, type Result, under } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE } from "../../../contract/queue-settings.ts";
import type { ReportResult, SpawnJob, Unfit } from "../../../contract/rpc.ts";
import { spawnJobOf, unfit } from "../../../contract/submission.ts";
import { STANDSTILL_RETRY_MS } from "../../../domain/backlog.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Services } from "../services.ts";
import { submission } from "../submit/submission.ts";

/** The jobs of one report. `pointer` is theirs in the body of the request. */
export interface SpawnBody {
  jobs: SubmitBody[];
  pointer: string;
}

/** The jobs that reports bring, those of each together, and the settings of the queues they are meant for. */
export interface CheckedSpawns {
  spawns: SpawnJob[][];
  queues: QueueSettings[];
}

/**
 * Checks jobs as if each was submitted by itself, before anything is recorded: a problem names the first that is wrong. A
 * queue may still change until the report has reached its shard, which looks again.
 */
export async function checkSpawns(
  services: Services,
  bodies: SpawnBody[],
  { namespace, now }: { namespace: string; now: number },
): Promise<Result<CheckedSpawns>> {
  const names = [...new Set(bodies.flatMap(({ jobs }) => jobs.map(({ queue = DEFAULT_QUEUE }) => queue)))];
  const known = names.length === 0 ? [] : await services.settings.several(namespace, names, now);
  const found = new Map(names.map((name, i) => [name, known[i] ?? notFound.queue(name)]));
  const queues = new Map<string, QueueSettings>();
  const check = async (body: SubmitBody): Promise<Result<SpawnJob>> => {
    const read = await submission(body, now);
    if (isProblem(read)) return read;
    const job = spawnJobOf(read);
    const settings = found.get(job.queue) ?? notFound.queue(job.queue);
    if (isProblem(settings)) return settings;
    queues.set(job.queue, settings);
    const because = unfit(job, settings);
    return because === null ? job : unfitProblem(because, job.queue);
  };
  const spawns: SpawnJob[][] = [];
  for (const { jobs, pointer } of bodies) {
    const checked: SpawnJob[] = [];
    for (const [index, body] of jobs.entries()) {
      const job = await check(body);
      if (isProblem(job)) return inJob(`${pointer}/${index}`, job);
      checked.push(job);
    }
    spawns.push(checked);
  }
  return { spawns, queues: [...queues.values()] };
}

/** Why a report was refused whose shard found that a queue cannot take its job. `pointer` is that of the report's jobs. */
export function refusedSpawn(
  { index, queue, because }: Extract<ReportResult, { status: "refused" }>,
  pointer: string,
): Problem {
  return inJob(`${pointer}/${index}`, unfitProblem(because, queue));
}

function unfitProblem(because: Unfit, queue: string): Problem {
  switch (because) {
    case "queue-not-found":
      return notFound.queue(queue);
    case "backlog-full":
      return full.queue(queue, FULL_RETRY_SECONDS);
    case "namespace-full":
      return full.namespace(FULL_RETRY_SECONDS);
    case "shard-full":
      return full.shard(FULL_RETRY_SECONDS);
    case "spawned-too-deep":
      return conflict.of(because, "The job is as many successes deep as its namespace allows: it can bring no other.");
    case "timeout-too-long":
      return faulty(because, "/timeout", `is too long for an attempt in queue ${queue}`);
    case "keys-need-one-partition":
      return faulty(because, "/concurrencyKey", `goes with an orderingKey on a queue of one partition only`);
  }
}

/** When there is room again, nobody can know: see `STANDSTILL_RETRY_MS`. */
const FULL_RETRY_SECONDS = STANDSTILL_RETRY_MS / 1000;

function faulty(code: "timeout-too-long" | "keys-need-one-partition", pointer: string, detail: string): Problem {
  return conflict.of(code, "The queue cannot take a job that the report brings.", [{ pointer, detail }]);
}

/** What a problem is about that names no field, because its job is a request of its own elsewhere. */
const FIELDS: Partial<Record<Problem["code"], string>> = {
  "payload-too-large": "/payload",
  "queue-not-found": "/queue",
};

function inJob(pointer: string, problem: Problem): Problem {
  return under(pointer, problem, FIELDS[problem.code]);
}
