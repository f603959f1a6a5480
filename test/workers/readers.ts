import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JobListView, JobView } from "../../contract/job.ts";
import type { OperationView } from "../../contract/operation.ts";
import gateway from "../limits/gateway.ts";
import {
  type Answer,
  answerOf,
  type CallOptions,
  claimOne,
  existingAnywhere,
  request,
  sleep,
  submit,
  succeed,
} from "./api.ts";
import { passTime, runAlarms, runCron } from "./clock.ts";
import { PROCESSOR_ENV, project } from "./processor.ts";
import { ReplicatedD1 } from "./replicated-d1.ts";

/** What tests of the levels of reads share: a history with a replica that lags, and clients with sessions. */

export const HOUR_MS = 3_600_000;

/** The platform with a replicated history. */
export class ReaderRig {
  readonly d1: ReplicatedD1;
  readonly bindings: Env;

  private constructor(d1: ReplicatedD1) {
    this.d1 = d1;
    this.bindings = { ...env, DB: d1.binding };
  }

  /** Everything that has finished before is in history and its replica. */
  static async make(): Promise<ReaderRig> {
    await project();
    return new ReaderRig(await ReplicatedD1.make());
  }

  /** Finished jobs go to history's primary. */
  async project(): Promise<void> {
    await project({ ...PROCESSOR_ENV, DB: this.d1.binding });
  }

  /** To the primary, and to the replica. */
  async level(): Promise<void> {
    await this.project();
    await this.d1.replicate();
  }

  /** One run of the cron trigger. */
  cron(): Promise<void> {
    return runCron(this.bindings);
  }

  reader(): Reader {
    return new Reader(this.bindings);
  }
}

export interface Read<T> extends Answer<T> {
  level: string | null;
  age: number | null;
}

/** A client that hands the bookmark of each answer on with its next call. */
export class Reader {
  bookmark: string | null = null;
  readonly #bindings: Env;
  #context: ExecutionContext | null = null;

  constructor(bindings: Env) {
    this.#bindings = bindings;
  }

  /** Waits for what the last call left to be done after its answer. */
  async afterwards(): Promise<void> {
    if (this.#context !== null) await waitOnExecutionContext(this.#context);
  }

  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<Read<T>> {
    const headers = this.bookmark === null ? {} : { "dure-bookmark": this.bookmark };
    const sent = request(method, path, { ...options, headers: { ...headers, ...options.headers } });
    this.#context = createExecutionContext();
    const answer = await answerOf<T>(await gateway.fetch(sent, this.#bindings, this.#context));
    this.bookmark = answer.headers.get("dure-bookmark") ?? this.bookmark;
    const age = answer.headers.get("age");
    return { ...answer, level: answer.headers.get("dure-consistency"), age: age === null ? null : Number(age) };
  }

  get(id: string, level = "session"): Promise<Read<JobView>> {
    return this.call("GET", `/v1/jobs/${id}?consistency=${level}`);
  }

  list(query: string, level = "session"): Promise<Read<JobListView>> {
    return this.call("GET", `/v1/jobs?${query}&consistency=${level}`);
  }

  /** The bulk operation, once it is done. */
  async operate(body: unknown): Promise<void> {
    const started = await this.call<OperationView>("POST", "/v1/operations", { body });
    for (let tries = 0; tries < 100; tries++) {
      const { body: at } = await this.call<OperationView>("GET", `/v1/operations/${started.body.id}`);
      if (at.state === "done") return;
      await runAlarms();
      await sleep(20);
    }
    throw new Error("the operation does not end");
  }
}

/** A job that has succeeded, and so long ago that it is looked for elsewhere than in its shard. */
export async function succeededJob(queue: string, over: Record<string, unknown> = {}): Promise<string> {
  const { id } = await submit({ queue, ...over });
  await succeed((await claimOne(queue)).lease, "done");
  passTime(61_000);
  return id;
}

/** Time passes until no succeeded job that history has is in its shard any more. */
export async function leaveShards(ids: string[]): Promise<void> {
  passTime(HOUR_MS + 1000);
  for (let i = 0; i < 20; i++) {
    await runAlarms();
    if ((await existingAnywhere(ids)).length === 0) return;
  }
  throw new Error("the jobs do not leave their shard");
}
