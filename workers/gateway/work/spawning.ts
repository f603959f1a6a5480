import type { SubmitBody } from "../../../contract/job.ts";
import type { ReportResult, SpawnJob, Unfit } from "../../../contract/rpc.ts";
import { spawnJobOf, unfit } from "../../../contract/submission.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { queueNotFound } from "../queues/settings-cache.ts";
import { Refusal } from "../refusal.ts";
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
 * Checks jobs as if each was submitted by itself, before anything is recorded: a refusal names the first that is wrong. A
 * queue may still change until the report has reached its shard, which looks again.
 */
export async function checkSpawns(
  services: Services,
  bodies: SpawnBody[],
  { namespace, now }: { namespace: string; now: number },
): Promise<CheckedSpawns> {
  const queues = new Map<string, QueueSettings>();
  const check = async (body: SubmitBody, pointer: string) => {
    try {
      const job = spawnJobOf(await submission(body, now));
      const settings = queues.get(job.queue) ?? (await services.settings.get(namespace, job.queue, now));
      queues.set(job.queue, settings);
      const because = unfit(job, settings);
      if (because !== null) throw unfitRefusal(because, job.queue);
      return job;
    } catch (error) {
      throw error instanceof Refusal ? under(pointer, error) : error;
    }
  };
  const spawns: SpawnJob[][] = [];
  for (const { jobs, pointer } of bodies) {
    const checked: SpawnJob[] = [];
    for (const [index, body] of jobs.entries()) checked.push(await check(body, `${pointer}/${index}`));
    spawns.push(checked);
  }
  return { spawns, queues: [...queues.values()] };
}

/** The refusal of a report whose shard found that a queue cannot take its job. `pointer` is that of the report's jobs. */
export function refusedSpawn(
  { index, queue, because }: Extract<ReportResult, { status: "refused" }>,
  pointer: string,
): Refusal {
  return under(`${pointer}/${index}`, unfitRefusal(because, queue));
}

function unfitRefusal(because: Unfit, queue: string): Refusal {
  switch (because) {
    case "queue-not-found":
      return queueNotFound(queue);
    case "timeout-too-long":
      return faulty(because, "/timeout", `is too long for an attempt in queue ${queue}`);
    case "keys-need-one-partition":
      return faulty(because, "/concurrencyKey", `goes with an orderingKey on a queue of one partition only`);
  }
}

function faulty(code: Unfit, pointer: string, detail: string): Refusal {
  return new Refusal(code, `The queue cannot take a job that the report brings.`, { errors: [{ pointer, detail }] });
}

/** What a refusal is about that names no field, because its job is a request of its own elsewhere. */
const FIELDS: Partial<Record<Refusal["code"], string>> = {
  "payload-too-large": "/payload",
  "queue-not-found": "/queue",
};

/** The same refusal with its pointers under `prefix`; where it is about no field, it points at `prefix` itself. */
function under(prefix: string, refusal: Refusal): Refusal {
  const errors = refusal.extras.errors ?? [{ pointer: FIELDS[refusal.code] ?? "", detail: refusal.message }];
  const moved = errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer, detail }));
  return new Refusal(refusal.code, refusal.message, { ...refusal.extras, errors: moved });
}
