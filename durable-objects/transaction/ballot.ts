import type { JobVerdict, NewJob, PrepareReply, RunReply, RunRequest, Verdict } from "../../contract/rpc.ts";
import { parseJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { ownerOf, type SlotMap } from "../../domain/slots.ts";

/** The jobs of one run, and what shards have said of them. In memory: without it nothing can be prepared, only aborted. */
export class Ballot {
  readonly #request: RunRequest;
  readonly #verdicts = new Map<string, Verdict>();
  readonly #newer = new Map<string, QueueSettings>();

  constructor(request: RunRequest) {
    this.#request = request;
  }

  /** What a shard is asked to prepare: the jobs in `slots`, and the settings of their queues. */
  part(slots: readonly number[]): { queues: QueueSettings[]; jobs: NewJob[] } {
    const mine = new Set(slots);
    const jobs = this.#request.jobs.filter(({ id }) => mine.has(slotOfId(id)));
    const used = [...new Set(jobs.map(({ queue }) => queue))];
    const queues = used.flatMap((index) => this.#request.queues[index] ?? []);
    return { queues, jobs: jobs.map((job) => ({ ...job, queue: used.indexOf(job.queue) })) };
  }

  /** Notes a shard's answer for these jobs; whether it votes yes, or null when the answer is no vote. */
  hear(jobs: readonly NewJob[], reply: PrepareReply): boolean | null {
    switch (reply.type) {
      case "prepared":
      case "refused":
        jobs.forEach(({ id }, i) => {
          const verdict = reply.verdicts[i];
          if (verdict !== undefined) this.#verdicts.set(id, verdict);
        });
        return reply.type === "prepared";
      case "settings":
        this.#newer.set(reply.settings.name, reply.settings);
        return false;
      case "late":
        return false;
      case "busy":
      case "moved":
        return null;
    }
  }

  /** What the batch is answered when it is decided like this. */
  answer(outcome: "commit" | "abort"): RunReply {
    const verdicts = this.#request.jobs.map(({ id }): Verdict => this.#verdicts.get(id) ?? { type: "refused" });
    if (outcome === "commit") return { type: "committed", verdicts };
    if (this.#newer.size > 0) return { type: "settings", settings: [...this.#newer.values()] };
    const refused = verdicts.map((verdict): Verdict => (isAnswer(verdict) ? { type: "refused" } : verdict));
    return refused.some(({ type }) => type !== "refused")
      ? { type: "refused", verdicts: refused }
      : { type: "unavailable" };
  }

  /** What shards have accepted when they carried the decision out stands above what they had promised. */
  accepted(verdicts: readonly JobVerdict[]): void {
    for (const { id, verdict } of verdicts) this.#verdicts.set(id, verdict);
  }
}

function isAnswer({ type }: Verdict): boolean {
  return type === "accepted" || type === "replayed";
}

function slotOfId(id: string): number {
  const parsed = parseJobId(id);
  if (parsed === null) throw new Error(`${id} is no job id`);
  return parsed.slot;
}

/** The slots of a batch, by the shard that owns them. */
export function partsOf(map: SlotMap, slots: Iterable<number>): Record<string, number[]> {
  const parts: Record<string, number[]> = {};
  for (const slot of new Set(slots)) {
    const shard = ownerOf(map, slot);
    parts[shard] = [...(parts[shard] ?? []), slot];
  }
  return parts;
}

export function slotsOf(request: RunRequest): number[] {
  return request.jobs.map(({ id }) => slotOfId(id));
}
