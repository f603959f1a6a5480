import type { JobListItem, JobView } from "../../contract/job.ts";
import type { Page } from "../../contract/list.ts";
import type { OperationView } from "../../contract/operation.ts";
import type { ClaimedJobView, ClaimView } from "../../contract/pull.ts";
import type { Call, JobAnswer, Reply } from "../consistency/machine.ts";
import type { Reader, Recorder } from "../consistency/recorder.ts";
import type { Random } from "../simulation/random.ts";
import { type Answer, type CallOptions, type call, sleep } from "./api.ts";
import { runAlarms } from "./clock.ts";

/** Clients of the API whose calls are written down, job by job. A job goes by its idempotency key, which is known before its id. */

type Send = typeof call;

/** What the clients of one test have in common. */
export interface Shared {
  recorder: Recorder;
  queue: string;
  keys: string[];
  random: Random;
  /** Ids by key, as far as they were told. */
  ids: Map<string, string>;
  /** Leases that somebody holds, or once held. */
  leases: { key: string; lease: string; attempt: number }[];
  /** How many jobs may still be deleted: that takes long. */
  removals: number;
  /** How a call is made. */
  send: Send;
}

export type Act = (client: Client) => Promise<void>;

export class Client {
  readonly #shared: Shared;
  readonly #session: string | null;
  #bookmark: string | null = null;

  /** With a `session`: hands on bookmarks, and reads at either level. */
  constructor(shared: Shared, session: string | null) {
    this.#shared = shared;
    this.#session = session;
  }

  /** One call after the other. */
  async go(steps: number, acts: Act[]): Promise<void> {
    for (let i = 0; i < steps; i++) await this.#shared.random.pick(acts)(this);
  }

  async submit(): Promise<void> {
    const { queue } = this.#shared;
    const key = this.#key();
    const body = { queue, payload: key, idempotencyKey: key, tags: [key] };
    await this.#change(key, { type: "submit" }, ["POST", "/v1/jobs", { body }]);
  }

  async cancel(): Promise<void> {
    await this.#onJob("cancel");
  }

  async retry(): Promise<void> {
    await this.#onJob("retry");
  }

  async read(): Promise<void> {
    const { key, id } = this.#job();
    if (id === undefined) return;
    const who = this.#reader();
    await this.#write(who, { key, call: { type: "read" } }, ["GET", `/v1/jobs/${id}?consistency=${who.level}`, {}]);
  }

  /** Claims one job, whichever it is. */
  async claim(): Promise<void> {
    const { recorder, queue, keys, leases } = this.#shared;
    const invokedAt = recorder.event();
    const answer = await this.#send<ClaimView>("POST", `/v1/queues/${queue}/claim`, { body: { max: 1 } });
    const made = { ...this.#writer(), call: { type: "claim" } as const, invokedAt };
    if (answer.status >= 500) {
      // It may have leased any of them.
      for (const key of keys) recorder.write(key, { ...made, returnedAt: Number.POSITIVE_INFINITY, reply: null });
      return;
    }
    const returnedAt = recorder.event();
    for (const job of answer.body.jobs) {
      leases.push({ key: keyOf(job), lease: (job as ClaimedJobView).lease, attempt: job.attempt });
      recorder.write(keyOf(job), { ...made, returnedAt, reply: { type: "job", job: toldOf(job) } });
    }
  }

  async report(): Promise<void> {
    const { leases, random } = this.#shared;
    if (leases.length === 0) return;
    const { key, lease, attempt } = random.pick(leases);
    const ok = random.chance(0.5);
    const retryable = random.chance(0.5);
    const told = ok ? { result: key } : { error: { code: "broken", retryable } };
    const made: Call = ok ? { type: "succeed", attempt } : { type: "fail", attempt, retryable };
    const request = `/v1/leases/${lease}/${ok ? "succeed" : "fail"}`;
    await this.#change(key, made, ["POST", request, { body: told }]);
  }

  /** Deletes one job, if it is final. */
  async remove(): Promise<void> {
    const { recorder } = this.#shared;
    this.#shared.removals -= 1;
    if (this.#shared.removals < 0) return;
    const key = this.#key();
    await recorder.call(this.#writer(), { type: "remove" }, async () => {
      const body = { action: "delete", filter: { tag: key } };
      const started = await this.#send<OperationView>("POST", "/v1/operations", { body });
      return { job: key, reply: started.status < 300 ? await this.#over(started.body.id) : null };
    });
  }

  async #over(operation: string): Promise<Reply | null> {
    for (let tries = 0; tries < 100; tries++) {
      const { status, body } = await this.#send<OperationView>("GET", `/v1/operations/${operation}`, {});
      if (status === 200 && body.state === "done") return { type: "unsaid" };
      await runAlarms();
      await sleep(50);
    }
    return null;
  }

  /** All jobs of the queue, page by page. */
  async list(): Promise<void> {
    const { recorder, queue } = this.#shared;
    const who = this.#reader();
    const invokedAt = recorder.event();
    const jobs = new Map<string, JobAnswer>();
    let cursor = "";
    do {
      const path = `/v1/jobs?queue=${queue}&limit=5&consistency=${who.level}${cursor}`;
      const answer = await this.#send<Page<JobListItem>>("GET", path, {});
      if (answer.status !== 200) return;
      for (const job of answer.body.items) jobs.set(keyOf(job), toldOf(job));
      cursor = answer.body.nextCursor === null ? "" : `&cursor=${answer.body.nextCursor}`;
    } while (cursor !== "");
    recorder.writeList({ ...who, invokedAt, returnedAt: recorder.event(), jobs });
  }

  async #onJob(type: "cancel" | "retry"): Promise<void> {
    const { key, id } = this.#job();
    if (id !== undefined) await this.#change(key, { type }, ["POST", `/v1/jobs/${id}/${type}`, {}]);
  }

  #change(key: string, made: Call, request: Parameters<Send>): Promise<void> {
    return this.#write(this.#writer(), { key, call: made }, request);
  }

  async #write(
    who: Reader,
    { key, call: made }: { key: string; call: Call },
    request: Parameters<Send>,
  ): Promise<void> {
    const { recorder, ids } = this.#shared;
    await recorder.call(who, made, async () => {
      const answer = await this.#send<JobView>(...request);
      if (answer.status < 300) ids.set(key, answer.body.id);
      const reply = replyOf(answer);
      // A lease that nobody knows any more.
      const unknown = reply?.type === "absent" && (made.type === "succeed" || made.type === "fail");
      return { job: key, reply: unknown ? { type: "refused" } : reply };
    });
  }

  async #send<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const headers = this.#session === null || this.#bookmark === null ? {} : { "dure-bookmark": this.#bookmark };
    const answer = await this.#shared.send<T>(method, path, { ...options, headers });
    this.#bookmark = answer.headers.get("dure-bookmark") ?? this.#bookmark;
    return answer;
  }

  #writer(): Reader {
    return this.#session === null ? { level: "strong" } : { session: this.#session, level: "strong" };
  }

  #reader(): Reader {
    const level = this.#session !== null && this.#shared.random.chance(0.7) ? "session" : "strong";
    return { ...this.#writer(), level };
  }

  #key(): string {
    return this.#shared.random.pick(this.#shared.keys);
  }

  #job(): { key: string; id: string | undefined } {
    const key = this.#key();
    return { key, id: this.#shared.ids.get(key) };
  }
}

/** What an answer says of the job. Null: nothing of what became of the call. */
function replyOf({ status, headers, body }: Answer<JobView>): Reply | null {
  if (status >= 500) return null;
  if (status === 404) return { type: "absent" };
  if (status === 409) return { type: "refused" };
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  const version = /\.([0-9]+)"$/.exec(headers.get("etag") ?? "")?.[1];
  return { type: "job", job: { ...toldOf(body), ...(version === undefined ? {} : { version: Number(version) }) } };
}

function toldOf({ state, attempt }: { state: JobView["state"]; attempt: number }): JobAnswer {
  if (state === "accepted") throw new Error("a job of a strong queue is told to be accepted only");
  return { state, attempt };
}

function keyOf({ idempotencyKey }: Pick<JobListItem, "idempotencyKey">): string {
  return idempotencyKey ?? "none";
}
