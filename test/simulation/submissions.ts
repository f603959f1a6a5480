/** P1, P2, P5: what was tried, what was committed, in which order, under which keys. */
import type * as rpc from "../../contract/rpc.ts";
import type { Counters } from "./counters.ts";
import type { ShardHost } from "./shard-host.ts";
import type { Violations } from "./violations.ts";

interface Accepted {
  shard: string;
  line: string | null;
}

interface Moment {
  host: ShardHost;
  latest: number;
}

interface Key {
  id: string;
  hash: string;
  /** Window by the shard's clock. */
  from: number;
  until: number;
}

export class Submissions {
  readonly #violations: Violations;
  readonly #counters: Counters;
  readonly #accepted = new Map<string, Accepted>();
  /** Ids of one queue and ordering key, in the order they were accepted. */
  readonly #lines = new Map<string, string[]>();
  readonly #keys = new Map<string, Key>();
  /** Every id that a client ever sent. */
  readonly tried = new Set<string>();
  /** Every id that a client was told is accepted. */
  readonly acked = new Set<string>();

  constructor(violations: Violations, counters: Counters) {
    this.#violations = violations;
    this.#counters = counters;
  }

  known(id: string): boolean {
    return this.#accepted.has(id);
  }

  committedIds(): IterableIterator<string> {
    return this.#accepted.keys();
  }

  shardOf(id: string): string | undefined {
    return this.#accepted.get(id)?.shard;
  }

  /** A job that a success has brought is there. */
  arrived(host: ShardHost, id: string, line: string | null): void {
    if (!this.#accepted.has(id)) this.#accept(host, id, line);
  }

  #accept(host: ShardHost, id: string, line: string | null): void {
    this.#accepted.set(id, { shard: host.name, line });
    if (line === null) return;
    const others = this.#lines.get(line) ?? [];
    others.push(id);
    this.#lines.set(line, others);
  }

  lineOf(id: string): string[] {
    const line = this.#accepted.get(id)?.line ?? null;
    return line === null ? [] : (this.#lines.get(line) ?? []);
  }

  /** `latest` is the latest that the shard's clock has shown: what has ended once does not begin again when it slips back. */
  committed(step: Moment, request: rpc.SubmitRequest, reply: rpc.SubmitReply): void {
    if (reply.type === "settings") this.#counters.count("submit told newer settings");
    if (reply.type !== "submitted") return;
    const refused = reply.results.some((result) => result.type === "refused");
    if (refused) this.#counters.count("atomic batch refused");
    if (refused && reply.results.some((result) => result.type === "accepted")) {
      this.#violations.add("P6", `half of an atomic batch: ${JSON.stringify(reply.results)}`);
    }
    for (const [i, job] of request.jobs.entries()) this.#one(step, request, job, reply.results[i]);
  }

  #one(step: Moment, request: rpc.SubmitRequest, job: rpc.NewJob, result: rpc.Submitted | undefined): void {
    const queue = request.queues[job.queue];
    if (result === undefined || queue === undefined) {
      this.#violations.add("P1", `no result for ${job.id}`);
      return;
    }
    const line = job.orderingKey === null ? null : `${queue.name}/${job.orderingKey}`;
    if (job.idempotency !== null)
      this.#keyed(step, `${line ?? queue.name}//${job.idempotency.key}`, job, result, request);
    if (result.type !== "accepted") return;
    if (this.#accepted.has(job.id)) {
      this.#counters.count("same submission twice");
      return;
    }
    this.#accept(step.host, job.id, line);
  }

  #keyed(
    { host, latest }: Moment,
    name: string,
    job: rpc.NewJob,
    result: rpc.Submitted,
    request: rpc.SubmitRequest,
  ): void {
    const key = this.#keys.get(name);
    const hash = job.idempotency?.hash ?? "";
    const now = host.now();
    const inside = key !== undefined && now >= key.from && latest < key.until;
    const fail = (rule: string) =>
      this.#violations.add("P5", `${name} of ${job.id} ${rule}: ${JSON.stringify(result)}`);
    switch (result.type) {
      case "accepted":
        if (inside && key.id !== job.id) fail(`was accepted, and ${key.id} before it`);
        if (key?.id !== job.id)
          this.#keys.set(name, {
            id: job.id,
            hash,
            from: now,
            until: now + (request.queues[job.queue]?.idempotencyWindowMs ?? 0),
          });
        return;
      case "replayed":
        this.#counters.count("replay answered");
        if (key === undefined || key.id !== result.id || key.hash !== hash) fail("was replayed with the wrong job");
        return;
      case "mismatch":
        this.#counters.count("key with another body refused");
        // Against a job of its own atomic batch, which is refused with it.
        if (request.jobs.some((other) => other.id === result.id)) return;
        if (key === undefined || key.id !== result.id || key.hash === hash) fail("was refused for nothing");
        return;
      case "refused":
        return;
    }
  }
}
