/** Jobs that successes bring: what was recorded, what has arrived, and what became a letter. */
import type * as rpc from "../../contract/rpc.ts";
import type { Counters } from "./counters.ts";
import type { ShardHost } from "./shard-host.ts";
import type { Submissions } from "./submissions.ts";
import type { Violations } from "./violations.ts";

interface Spawned {
  parent: string;
  line: string | null;
}

export class Spawns {
  readonly #submissions: Submissions;
  readonly #violations: Violations;
  readonly #counters: Counters;
  /** Every job that a recorded success has brought, by id. */
  readonly #recorded = new Map<string, Spawned>();
  readonly #parents = new Set<string>();
  /** Ids of the letters that the queue of dead letters has. */
  readonly letters = new Set<string>();

  constructor(submissions: Submissions, violations: Violations, counters: Counters) {
    this.#submissions = submissions;
    this.#violations = violations;
    this.#counters = counters;
  }

  /** A report that was recorded, as its answer says. */
  recorded(host: ShardHost, parent: string, outcome: rpc.Outcome, spawned: string[] = []): void {
    const spawn = outcome.ok ? (outcome.spawn ?? []) : [];
    if (spawned.length !== spawn.length) {
      this.#violations.add("spawn", `${parent} was to bring ${spawn.length} jobs, and was told of ${spawned.length}`);
    }
    if (spawn.length === 0) return;
    if (this.#parents.has(parent)) this.#violations.add("spawn", `${parent} brought jobs twice`);
    this.#parents.add(parent);
    this.#counters.count("success brought jobs");
    for (const [i, id] of spawned.entries()) {
      const line = spawn[i]?.orderingKey ? `${spawn[i]?.queue}/${spawn[i]?.orderingKey}` : null;
      if (this.#recorded.has(id)) this.#violations.add("spawn", `${id} was brought twice`);
      this.#recorded.set(id, { parent, line });
      this.#submissions.tried.add(id);
      if (this.#arrived(host, id)) this.#counters.count("job spawned on its own shard");
    }
  }

  /** A delivery was taken. */
  received(host: ShardHost, request: rpc.ReceiveRequest): void {
    for (const { job } of request.jobs) {
      if (!this.#recorded.has(job.id))
        this.#violations.add("spawn", `${job.id} was handed over, and nobody brought it`);
      const before = this.#submissions.known(job.id);
      if (before) this.#counters.count("hand-over came twice");
      else if (this.#arrived(host, job.id)) this.#counters.count("spawned job handed over");
    }
  }

  /** At rest: each of them is a job or a letter, and not both. */
  check(isJob: (id: string) => boolean): void {
    for (const [id, { parent }] of this.#recorded) {
      const there = [isJob(id), this.letters.has(id)];
      if (there.every((is) => !is)) this.#violations.add("spawn", `${id} of ${parent} is lost`);
      if (there.every((is) => is)) this.#violations.add("spawn", `${id} of ${parent} is a job and a letter`);
      if (this.letters.has(id)) this.#counters.count("spawned job refused");
    }
    for (const id of this.letters) {
      if (!this.#recorded.has(id)) this.#violations.add("spawn", `the letter of ${id} came from nowhere`);
    }
  }

  #arrived(host: ShardHost, id: string): boolean {
    if (host.stateOf(id) === null) return false;
    this.#submissions.arrived(host, id, this.#recorded.get(id)?.line ?? null);
    return true;
  }
}
