import type * as rpc from "../../contract/rpc.ts";
import type { Job, JobError } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { SubscriptionSettings } from "../../domain/subscription.ts";
import type { Request, Result } from "../../durable-objects/shard/commands.ts";
import type { SqlRow } from "../../durable-objects/sql.ts";
import { finishedIn } from "../simulation/history-text.ts";
import { BOOM, CALL, newJob, reportOf, SECOND, settingsOf, subscriptionOf } from "./shard-words.ts";

/** Where a shard runs that owns every slot: in Node a core over an SQLite of its own, on the real runtime a Durable Object. */
export interface ShardHost {
  /** Whether what it owes to other objects is sent. */
  readonly sends: boolean;
  /** Epoch ms. */
  now(): number;
  call<Name extends keyof rpc.ShardApi>(name: Name, request: Request<Name>): Promise<Result<Name>>;
  /** Runs a statement on its rows, past the shard. */
  sql<Row extends SqlRow>(query: string, ...params: string[]): Promise<Row[]>;
  /** Time passes, and every alarm that falls in it fires on time. */
  advance(ms: number): Promise<void>;
  /** Time passes in which no alarm fires. */
  leap(ms: number): void;
  /** The alarm fires, if there is one. */
  alarm(): Promise<void>;
  /** The object dies and a new one starts over the same rows. */
  restart(): Promise<void>;
}

export type MakeHost = () => Promise<ShardHost>;

/** A shard on any host, and a queue whose jobs a test makes. */
export class HostedShard {
  readonly host: ShardHost;
  readonly queue: QueueSettings;
  #made = 0;

  constructor(host: ShardHost, queue: Partial<QueueSettings> = {}) {
    this.host = host;
    this.queue = settingsOf(queue);
  }

  job(over: Partial<rpc.NewJob> = {}, queue = this.queue): rpc.NewJob {
    return newJob(queue, { now: this.host.now(), nth: ++this.#made }, over);
  }

  /** Submits jobs of these queues, each of which has to be accepted. */
  async submit(jobs: rpc.NewJob[], queues = [this.queue]): Promise<string[]> {
    const reply = await this.host.call("submit", { ...CALL, queues, jobs, atomic: false });
    const accepted = reply.type === "submitted" && reply.results.every(({ type }) => type === "accepted");
    if (!accepted) throw new Error(`not accepted: ${JSON.stringify(reply)}`);
    return jobs.map(({ id }) => id);
  }

  async accept(over: Partial<rpc.NewJob> = {}): Promise<string> {
    const [id = ""] = await this.submit([this.job(over)]);
    return id;
  }

  /** The pull worker's door. */
  async claim(over: Partial<rpc.ClaimRequest> = {}, { namespace, name } = this.queue): Promise<rpc.ClaimedJob[]> {
    const which = { namespace, queue: name, max: 10, leaseMs: null, worker: null };
    return (await this.host.call("claim", { ...CALL, ...which, ...over })).jobs;
  }

  /** The processor's door. */
  async take(room = 100): Promise<rpc.WorkItem[]> {
    const executor = { lane: "default", worker: "executor", leaseMs: 15 * SECOND } as const;
    return (await this.host.call("work", { ...CALL, ...executor, reports: [], room: { handler: room, http: 0 } }))
      .items;
  }

  async succeed(lease: string): Promise<string | undefined> {
    return this.#report(lease, { ok: true, result: "null", resultTruncated: false });
  }

  async fail(lease: string, error: Partial<JobError> = {}): Promise<string | undefined> {
    return this.#report(lease, { ok: false, error: { ...BOOM, ...error }, retryAfterMs: null });
  }

  async #report(lease: string, outcome: rpc.Outcome): Promise<string | undefined> {
    const of = { namespace: null, withJobs: false, queues: [], waitMs: 0 };
    const reply = await this.host.call("report", { ...CALL, ...of, reports: [{ lease, outcome }] });
    return reply.type === "reported" ? reply.results[0]?.status : reply.type;
  }

  get(id: string, namespace: string): Promise<rpc.JobReply> {
    return this.host.call("get", { ...CALL, namespace, id, waitMs: 0 });
  }

  async reasonOf(id: string): Promise<string> {
    const reply = await this.host.call("explain", { ...CALL, namespace: this.queue.namespace, id });
    return reply.type === "explained" ? reply.explanation.reason : reply.type;
  }

  /** What the audit finds; but that nobody comes: whom a test does not send, does not. */
  async violations(): Promise<rpc.AuditViolation[]> {
    const { violations } = await this.host.call("audit", CALL);
    return violations.filter(({ rule }) => rule !== "work-has-executor");
  }

  /** Rules that the audit finds broken, each once. */
  async broken(): Promise<string[]> {
    return [...new Set((await this.violations()).map(({ rule }) => rule))];
  }

  async subscribe(over: Partial<SubscriptionSettings>): Promise<void> {
    await this.host.call("configureSubscriptions", { ...CALL, subscriptions: [subscriptionOf(over)] });
  }

  /** History takes everything that has finished. */
  async project(): Promise<Job[]> {
    const jobs: Job[] = [];
    for (let at = { cursor: 0, skip: 0, more: true }; at.more; ) {
      const page = { after: at.cursor, skip: at.skip, limit: 100, pages: true } as const;
      const reply = await this.host.call("finished", { ...CALL, ...page });
      await this.host.call("projected", { ...CALL, cursor: reply.cursor, bookmark: null });
      jobs.push(...finishedIn(reply));
      at = reply;
    }
    return jobs;
  }

  /** Subscribers take all events that they may be told now. */
  async drain(): Promise<void> {
    for (let report: rpc.DeliveryReport | null = null; ; ) {
      const { page }: rpc.DeliverReply = await this.host.call("deliver", { ...CALL, worker: "w", report, limit: 100 });
      if (page === null) return;
      report = reportOf(page);
    }
  }

  async has(ids: string[]): Promise<string[]> {
    const reply = await this.host.call("existingIds", { ...CALL, ids });
    return reply.type === "existing" ? reply.ids : [];
  }

  /** The rows of a table as they are stored. */
  rows(table: string): Promise<Record<string, unknown>[] & SqlRow[]> {
    return this.host.sql(`SELECT * FROM ${table}`);
  }
}
