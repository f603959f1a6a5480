/** One `RigCore` on an in-memory SQLite, with a clock, an alarm and bells that a test drives. */
import type { Doorbell } from "../../contract/doorbell.ts";
import type * as rpc from "../../contract/rpc.ts";
import type { ConnectionShares } from "../../domain/connections.ts";
import type { Job, JobError } from "../../domain/job/job.ts";
import type { RowState } from "../../domain/job/state.ts";
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits, type NamespaceSettings } from "../../domain/namespace.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { initialMap, type SlotMap } from "../../domain/slots.ts";
import type { JobRow } from "../../durable-objects/shard/jobs/job-row.ts";
import { JOBS } from "../../durable-objects/shard/jobs/job-store.ts";
import type { Packing } from "../../durable-objects/shard/jobs/packs/packing.ts";
import { PACKS } from "../../durable-objects/shard/jobs/packs/packs.ts";
import type { ShardLimits } from "../../durable-objects/shard/lifecycle/admission.ts";
import type { FeedLimits } from "../../durable-objects/shard/subscriptions/drop.ts";
import { finishedIn, jobsIn } from "../simulation/history-text.ts";
import { openSql } from "../simulation/node-sqlite.ts";
import { Random } from "../simulation/random.ts";
import { PACKING_OF_RUN } from "./packing.ts";
import { RigCore } from "./rig-core.ts";
import { BOOM, CALL, newJob, SECOND, START, settingsOf } from "./shard-words.ts";

export {
  ANY_FAILED,
  ANY_JOB,
  BOOM,
  CALL,
  DAY,
  HOUR,
  MINUTE,
  PLAIN,
  SECOND,
  START,
  settingsOf,
} from "./shard-words.ts";

/** Alarms that fire at one moment at most: beyond, the shard wakes itself without getting anything done. */
const MAX_ALARMS_A_MOMENT = 50;

export class Harness {
  readonly name = "shard-0";
  readonly sql = openSql();
  now = START;
  /** What the platform holds: null after it fired, or was lost. */
  alarmAt: number | null = null;
  readonly bells: { at: number; bell: Doorbell; delaySeconds: number }[] = [];
  /** The settings that `submit` and `job` use. */
  queue: QueueSettings;
  /** What the shard may hold, from the next `restart` on; null: as much as a real one. */
  limits: Partial<ShardLimits> | null = null;
  /** The same of what its subscriptions' events may take. */
  feedLimits: FeedLimits | null = null;
  core: RigCore;
  readonly #connectionShares: ConnectionShares | null;
  #random = new Random(1);
  #made = 0;
  #namespaceVersion = 0;

  /** `connectionShares`: null is what a real shard goes by. */
  constructor(
    queue: Partial<QueueSettings> = {},
    map: SlotMap = initialMap(1),
    connectionShares: ConnectionShares | null = null,
  ) {
    this.#connectionShares = connectionShares;
    this.queue = settingsOf(queue);
    this.core = this.#boot();
    this.core.adopt(map);
  }

  /** Which jobs are packed. */
  get packing(): Packing {
    return PACKING_OF_RUN;
  }

  #boot(): RigCore {
    return new RigCore(this.name, {
      sql: this.sql,
      now: () => this.now,
      random: () => this.#random.next(),
      setAlarm: (at) => {
        this.alarmAt = at;
      },
      ring: (bell, delaySeconds) => this.bells.push({ at: this.now, bell, delaySeconds }),
      packing: this.packing,
      ...(this.limits === null ? {} : { limits: this.limits }),
      ...(this.#connectionShares === null ? {} : { connectionShares: this.#connectionShares }),
      ...(this.feedLimits === null ? {} : { feedLimits: this.feedLimits }),
    });
  }

  /** The object dies and a new one starts over the same rows. The platform keeps the alarm. */
  restart(): void {
    this.core = this.#boot();
  }

  /** Time passes, and every alarm that falls in it fires on time. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (let atThisMoment = 0; this.alarmAt !== null && this.alarmAt <= until; ) {
      atThisMoment = this.alarmAt > this.now ? 0 : atThisMoment + 1;
      if (atThisMoment > MAX_ALARMS_A_MOMENT) throw new Error("the alarm is set to now again and again");
      this.now = Math.max(this.now, this.alarmAt);
      this.alarmAt = null;
      this.core.alarm();
    }
    this.now = until;
  }

  /** A new job of the harness's queue. Ids made at one time in one slot ascend. */
  job(over: Partial<rpc.NewJob> = {}, queue = this.queue): rpc.NewJob {
    return newJob(queue, { now: this.now, nth: ++this.#made }, over);
  }

  jobs(count: number, over: Partial<rpc.NewJob> = {}): rpc.NewJob[] {
    return Array.from({ length: count }, () => this.job(over));
  }

  /** Sends jobs of the harness's queue, whatever the answer. */
  send(jobs: rpc.NewJob[], over: Partial<rpc.SubmitRequest> = {}): rpc.SubmitReply {
    return this.core.submit({ ...CALL, queues: [this.queue], jobs, atomic: false, ...over });
  }

  /** Submits and expects to be heard. */
  submit(jobs: rpc.NewJob[], over: Partial<rpc.SubmitRequest> = {}): rpc.Submitted[] {
    const reply = this.send(jobs, over);
    if (reply.type !== "submitted") throw new Error(`not submitted: ${JSON.stringify(reply)}`);
    return reply.results;
  }

  /** Submits one job and says its id. */
  accept(over: Partial<rpc.NewJob> = {}): string {
    const job = this.job(over);
    const [result] = this.submit([job]);
    if (result?.type !== "accepted") throw new Error(`not accepted: ${JSON.stringify(result)}`);
    return job.id;
  }

  /** A page of finished jobs, read back from the text that history gets. */
  finished(after = 0, limit = 100, skip = 0): Omit<rpc.FinishedReply, "jobs"> & { jobs: Job[] } {
    const page = this.core.finished({ ...CALL, after, limit, skip });
    return { ...page, jobs: jobsIn(page.chunks) };
  }

  /** The processor's door. */
  work(over: Partial<rpc.WorkRequest> = {}): rpc.WorkReply {
    return this.core.work({
      ...CALL,
      lane: "default",
      worker: "executor",
      reports: [],
      room: { handler: 100, http: 100 },
      leaseMs: 15 * SECOND,
      ...over,
    });
  }

  /** Claims up to `room` jobs through the processor's door. */
  take(room = 100): rpc.WorkItem[] {
    return this.work({ room: { handler: room, http: 0 } }).items;
  }

  /** Claims the one job that is expected to be there. */
  takeOne(): rpc.WorkItem {
    const items = this.take();
    return only(items);
  }

  /** The pull worker's door. */
  claim(over: Partial<rpc.ClaimRequest> = {}): rpc.ClaimedJob[] {
    return this.core.claim({
      ...CALL,
      namespace: this.queue.namespace,
      queue: this.queue.name,
      max: 10,
      leaseMs: null,
      worker: null,
      ...over,
    }).jobs;
  }

  report(
    lease: string,
    outcome: rpc.Outcome | rpc.HandedOver,
    over: Partial<rpc.ReportRequest> = {},
  ): rpc.ReportResult {
    const reply = this.core.report({
      ...CALL,
      namespace: null,
      withJobs: false,
      queues: [],
      waitMs: 0,
      reports: [{ lease, outcome }],
      ...over,
    });
    if (reply.type !== "reported") throw new Error(`not reported: ${reply.type}`);
    return only(reply.results);
  }

  succeed(lease: string, result: string | null = "null"): rpc.ReportResult["status"] {
    return this.report(lease, { ok: true, result, resultTruncated: false }).status;
  }

  fail(lease: string, error: Partial<JobError> = {}, retryAfterMs: number | null = null): rpc.ReportResult["status"] {
    return this.report(lease, { ok: false, error: { ...BOOM, ...error }, retryAfterMs }).status;
  }

  /** Runs the one ready job to a failure that is final. */
  failOne(error: Partial<JobError> = {}): string {
    const { id, lease } = this.takeOne();
    this.fail(lease, { ...error, retryable: false });
    return id;
  }

  extend(lease: string, leaseMs: number, namespace: string | null = null): rpc.ExtendResult {
    const reply = this.core.extend({ ...CALL, namespace, leases: [{ lease, leaseMs, unlessLeftMs: null }] });
    if (reply.type !== "extended") throw new Error(`not extended: ${reply.type}`);
    return only(reply.results);
  }

  get(id: string): Job {
    const reply = this.core.get({ ...CALL, namespace: this.queue.namespace, id, waitMs: 0 });
    if (reply.type !== "job") throw new Error(`${id}: ${reply.type}`);
    return reply.job;
  }

  /** Whether the shard still has the job. */
  has(id: string): boolean {
    const reply = this.core.existingIds({ ...CALL, ids: [id] });
    return reply.type === "existing" && reply.ids.length === 1;
  }

  state(id: string): string {
    return this.get(id).state;
  }

  cancel(id: string): rpc.ChangeReply["type"] {
    return this.core.cancel({ ...CALL, namespace: this.queue.namespace, id }).type;
  }

  patch(id: string, changes: rpc.JobChanges, versions: number[] | null = null): rpc.PatchReply {
    return this.core.patch({ ...CALL, namespace: this.queue.namespace, id, changes, versions });
  }

  runNow(id: string): rpc.PatchReply["type"] {
    return this.core.runNow({ ...CALL, namespace: this.queue.namespace, id, versions: null }).type;
  }

  retry(id: string): rpc.ChangeReply["type"] {
    return this.core.retry({ ...CALL, namespace: this.queue.namespace, id }).type;
  }

  explain(id: string): rpc.Explanation {
    const reply = this.core.explain({ ...CALL, namespace: this.queue.namespace, id });
    if (reply.type !== "explained") throw new Error(`${id}: ${reply.type}`);
    return reply.explanation;
  }

  stats(): rpc.QueueStats {
    return this.core.stats({ ...CALL, namespace: this.queue.namespace, queue: this.queue.name });
  }

  /** The queue gets new settings, pushed to the shard as the gateway does. */
  configure(over: Partial<QueueSettings>): void {
    this.queue = { ...this.queue, ...over, version: this.queue.version + 1, updatedAt: this.now };
    this.core.configure({ ...CALL, queues: [this.queue] });
  }

  /** The namespace of the queue gets limits over the defaults, or is to be deleted, pushed to the shard as the gateway does. */
  namespace(limits: Partial<NamespaceLimits>, over: Partial<NamespaceSettings> = {}): void {
    this.#namespaceVersion += 1;
    const settings: NamespaceSettings = {
      name: this.queue.namespace,
      version: this.#namespaceVersion,
      createdAt: START,
      limits: { ...DEFAULT_NAMESPACE_LIMITS, ...limits },
      deletingAt: null,
      ...over,
    };
    this.core.configureNamespaces({ ...CALL, namespaces: [settings] });
  }

  /** A page of finished jobs as the projector asks for it: succeeded ones by the page. */
  pages(after = 0, skip = 0, limit = 100): rpc.FinishedReply {
    return this.core.finished({ ...CALL, after, limit, skip, pages: true });
  }

  /** What there is for history, to the log's end. `taken`: history has each reply before it asks for the next. */
  forHistory({ taken }: { taken: boolean }): rpc.FinishedReply[] {
    const replies: rpc.FinishedReply[] = [];
    for (let at = { cursor: 0, skip: 0, more: true }; at.more; ) {
      const reply = this.pages(at.cursor, at.skip);
      if (taken) this.core.projected({ ...CALL, cursor: reply.cursor, bookmark: null });
      replies.push(reply);
      at = reply;
    }
    return replies;
  }

  /** History takes everything that has finished. */
  project(): Job[] {
    return this.forHistory({ taken: true }).flatMap(finishedIn);
  }

  /** Rules that the audit finds broken, each once; but that nobody comes: whom a test does not send, does not. */
  broken(alarmAt = this.alarmAt): string[] {
    const rules = this.core.audit(CALL, alarmAt).violations.map(({ rule }) => rule);
    return [...new Set(rules)].filter((rule) => rule !== "work-has-executor");
  }

  /** Rows of a table; of `jobs` all that the shard has, wherever they lie. */
  count(table: string): number {
    if (table === "jobs") return this.rows().length;
    return this.sql.all<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]?.n ?? 0;
  }

  /** Bells rung for executors since the last call. */
  rung(): { at: number; bell: Doorbell; delaySeconds: number }[] {
    return this.bells.splice(0).filter(({ bell }) => bell.kind === "work");
  }

  /** Every job as its row is stored, or would be, to show that nothing changed. */
  rows(): JobRow<RowState>[] {
    const { engine } = this.core;
    const packs = engine.get(PACKS);
    const packed = this.sql
      .all<{ pack: number }>("SELECT pack FROM packs")
      .flatMap(({ pack }) => packs.get(pack) ?? [])
      .flatMap((head) => packs.livingIds(head));
    const ids = this.sql.all<{ id: string }>("SELECT id FROM jobs").map(({ id }) => id);
    return engine
      .get(JOBS)
      .rows([...ids, ...packed])
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** A shard whose jobs all have rows of their own, for tests that look at these or change them. */
export class RowHarness extends Harness {
  override get packing(): Packing {
    return "off";
  }
}

/** A shard that packs every job that it can, however the run is set. */
export class PackHarness extends Harness {
  override get packing(): Packing {
    return "on";
  }
}

/** The one element of a list that is expected to have one. */
export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (list.length !== 1 || first === undefined) throw new Error(`expected one, got ${JSON.stringify(list)}`);
  return first;
}

/** The element at `index`, which is expected to be there. */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index} of ${list.length}`);
  return found;
}

export function idsOf(items: readonly { id: string }[]): string[] {
  return items.map(({ id }) => id);
}
