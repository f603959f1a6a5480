import { linearize, type Verdict } from "./linearizability.ts";
import type { Call, JobAnswer, Reply, Rules } from "./machine.ts";
import type { Operation } from "./operation.ts";

/** Who calls, and what the answers of their reads promise. */
export interface Reader {
  session?: string;
  level: Operation["level"];
}

/** A list of all jobs, from its first page's call to its last page's answer. */
interface Listing extends Reader {
  invokedAt: number;
  returnedAt: number;
  jobs: ReadonlyMap<string, JobAnswer>;
}

/**
 * Writes down what clients do at the same time, job by job. A list is a read of every job: of those it has not, that they
 * are not there. So what a session has seen in a list may not be missing from its next one, and what it was told of a job
 * alone binds its lists.
 */
export class Recorder {
  readonly #operations = new Map<string, Operation[]>();
  readonly #listings: Listing[] = [];
  #events = 0;

  get operations(): number {
    return [...this.#operations.values()].reduce((sum, { length }) => sum + length, 0);
  }

  get listings(): number {
    return this.#listings.length;
  }

  /** To be called just before a call is made, and again when it was answered. */
  event(): number {
    this.#events += 1;
    return this.#events;
  }

  /** Makes one call and writes it down. `reply` null or an error: nobody knows what came of it. */
  async call<T extends { job: string; reply: Reply | null }>(
    who: Reader,
    call: Call,
    make: () => Promise<T>,
  ): Promise<T> {
    const invokedAt = this.event();
    const answer = await make();
    const returnedAt = answer.reply === null ? Number.POSITIVE_INFINITY : this.event();
    this.write(answer.job, { ...who, call, invokedAt, returnedAt, reply: answer.reply });
    return answer;
  }

  write(job: string, operation: Operation): void {
    const known = this.#operations.get(job) ?? [];
    this.#operations.set(job, [...known, operation]);
  }

  writeList(listing: Listing): void {
    this.#listings.push(listing);
  }

  /** Everything that was done or told about one job. */
  history(job: string): Operation[] {
    const reads = this.#listings.map(({ jobs, ...who }): Operation => {
      const told = jobs.get(job);
      const reply: Reply = told === undefined ? { type: "absent" } : { type: "job", job: told };
      return { ...who, call: { type: "read" }, reply };
    });
    return [...(this.#operations.get(job) ?? []), ...reads];
  }

  /** The jobs whose history cannot have happened, with what is wrong. */
  violations(rules: Rules): { job: string; verdict: Extract<Verdict, { ok: false }> }[] {
    const jobs = new Set([...this.#operations.keys(), ...this.#listings.flatMap((list) => [...list.jobs.keys()])]);
    return [...jobs].flatMap((job) => {
      const verdict = linearize(this.history(job), rules);
      return verdict.ok ? [] : [{ job, verdict }];
    });
  }
}
