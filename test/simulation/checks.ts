/** What must hold when everything has come to rest, and what must hold at any moment. */
import type { Explanation } from "../../contract/rpc.ts";
import { NO_EXECUTOR_MS, PROCESSOR_AWAY_MS } from "../../domain/bell.ts";
import type { Job } from "../../domain/job/job.ts";
import { isFinal } from "../../domain/job/state.ts";
import { LANES } from "../../domain/queue.ts";
import { EACH_JOB } from "../../durable-objects/shard/jobs/job-store.ts";
import { OVERDUE_MS } from "../../durable-objects/shard/kernel/audit-rules.ts";
import { QUARANTINE } from "../../durable-objects/shard/kernel/quarantine.ts";
import { BESIDE_LONG_JOBS } from "../../workers/processor/sweep.ts";
import type { RigCore } from "../rigs/rig-core.ts";
import { pagedJobs } from "./history-text.ts";
import { NAMESPACE, type Script } from "./plan.ts";
import { MOST_LATE_MS } from "./queue.ts";
import type { ShardHost } from "./shard-host.ts";
import type { Simulation } from "./simulation.ts";

/** What calls may take on a calm day. */
const NETWORK_MS = 1_000;
/** How late a bell is heard, and what a few calls take. */
const PROMPT_MS = MOST_LATE_MS + 500;
/** Where all consumers are busy: how long it is until an invocation that a long job keeps alive looks by itself. */
const PROMPT_BESIDE_LONG_JOBS_MS = BESIDE_LONG_JOBS.mostMs + 2 * NETWORK_MS;
/** A shard's clock may be so much further after a restart than it was before, or less far. */
const MAX_SKEWS_MS = 4_000;
const ALL = {
  namespace: NAMESPACE,
  filter: { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
  include: { payload: true, result: true, attempts: true },
  before: null,
  limit: 200,
};

/** At any moment: the audit finds nothing, every unfinished job says why it waits, and no acknowledged job is nowhere. */
export function probe(sim: Simulation): void {
  const hosts = [...sim.hosts.values()];
  for (const host of hosts) {
    if (!host.down) host.peek((core) => look(sim, host, core));
  }
  if (hosts.some((host) => host.down)) return;
  for (const id of sim.submissions.acked) {
    const shard = sim.submissions.shardOf(id);
    if (shard === undefined || sim.host(shard).stateOf(id) === null) sim.expectInHistory(id);
  }
}

function look(sim: Simulation, host: ShardHost, core: RigCore): void {
  for (const violation of core.auditWhole(host.alarm.at).violations) {
    // The alarm has just been lost: the faults did that, and cron heals it.
    if (!host.alarm.trusted && violation.rule.endsWith("-has-alarm")) continue;
    if (violation.rule === "deadline-has-alarm" && isNewToOverdue(host, core)) continue;
    // Work on it has thrown, and it was not come to since.
    const isPlanted = [...host.wasPlanted].some((id) => violation.detail.startsWith(`jobs ${id} is set aside`));
    if (violation.rule === "nothing-set-aside" && isPlanted && sim.faults.active) {
      sim.counters.count("set aside");
      continue;
    }
    // It is true as long as the processor is away.
    const away = LANES.find((lane) => violation.detail.startsWith(`work waits in lane ${lane},`));
    if (away !== undefined && host.idleMs(away) > PROCESSOR_AWAY_MS - MAX_SKEWS_MS) continue;
    sim.violations.add("P10", `audit of ${host.name}: ${violation.rule} ${violation.detail}`);
  }
  for (const job of core.list({ ...sim.gateway.call, ...ALL }).items) {
    sim.observer.see(job);
    // Who asks for a job that is set aside has it tried, which is more than a look.
    if (isFinal(job.state) || host.wasPlanted.has(job.id)) continue;
    const reply = core.explain({ ...sim.gateway.call, namespace: NAMESPACE, id: job.id });
    if (reply.type !== "explained" || !isTrue(host, job, reply.explanation)) {
      sim.violations.add("P10", `${job.id} cannot say why it waits: ${JSON.stringify(reply)}`);
    }
  }
}

/**
 * What is set aside is kept in memory alone. An object that has started anew sees no more of it than that it is long overdue, and
 * comes to it with the alarm that it has set at once.
 */
function isNewToOverdue(host: ShardHost, core: RigCore): boolean {
  const { at } = host.alarm;
  const quarantine = core.engine.get(QUARANTINE);
  const isNewTo = (id: string) => host.wasPlanted.has(id) && quarantine.find(EACH_JOB.kind, id) === null;
  return at !== null && at <= host.now() && host.overdue(OVERDUE_MS).every(isNewTo);
}

/** Whether the reason given for a job is the case, as far as the rows show it simply. */
function isTrue(host: ShardHost, job: Job, { state, detail, reason, blockedBy }: Explanation): boolean {
  if (state !== job.state || detail === "") return false;
  const settings = host.queues().find(({ name }) => name === job.queue);
  switch (reason) {
    case "ordering": {
      const other = blockedBy === null ? null : host.stateOf(blockedBy);
      return job.orderingKey !== null && other !== null && !isFinal(other.state);
    }
    case "concurrency":
      return settings !== undefined && settings.concurrency !== null;
    case "paused":
      return settings?.paused === true;
    case "running":
      return job.state === "running";
    case "scheduled":
    case "retrying":
      return job.state === "scheduled" && job.runAt > host.now();
    case "final":
      return false;
    case "no-executor":
      return settings !== undefined && host.idleMs(settings.lane) >= NO_EXECUTOR_MS - MAX_SKEWS_MS;
    default:
      return settings?.paused === false;
  }
}

/** Everything is final, and history has all of it. */
export function atRest(sim: Simulation): boolean {
  for (const host of sim.hosts.values()) {
    if (host.unfinished() > 0 || host.undelivered() > 0) return false;
    const row = sim.history.all("SELECT cursor FROM projections WHERE shard = ?", host.name)[0];
    if (Number(row?.cursor ?? 0) < host.newestFinished()) return false;
  }
  return true;
}

/** After the last fault is healed and everything has come to rest. */
export function checkRest(sim: Simulation): void {
  const { submissions, violations } = sim;
  const shards = new Map<string, { host: ShardHost; job: Job }>();
  for (const host of sim.hosts.values()) {
    for (const job of host.peek((core) => core.list({ ...sim.gateway.call, ...ALL })).items) {
      if (shards.has(job.id)) violations.add("P2", `${job.id} is on two shards`);
      shards.set(job.id, { host, job });
    }
  }
  const history = readHistory(sim);
  for (const id of new Set([...submissions.committedIds(), ...submissions.acked])) {
    const job = shards.get(id)?.job ?? history.get(id);
    if (job === undefined) violations.add("P1", `${id} is lost`);
    else if (!isFinal(job.state)) violations.add("P2", `${id} is ${job.state}: ${why(sim, id)}`);
  }
  for (const id of [...shards.keys(), ...history.keys()]) {
    if (!submissions.tried.has(id)) violations.add("P1", `${id} came from nowhere`);
  }
  sim.observer.spawns.check((id) => shards.has(id) || history.has(id));
  for (const { job } of shards.values()) {
    if (isFinal(job.state)) sameInHistory(sim, job, history.get(job.id));
  }
  for (const job of history.values()) {
    sim.observer.see(job);
    if (!isFinal(job.state)) violations.add("history", `${job.id} is ${job.state} in history`);
    if (job.state === "failed" && job.error?.code === "expired") sim.counters.count("expired");
    if (sim.faults.calm) leaseWasKept(sim, job);
    if (sim.faults.calm) startedPromptly(sim, job);
  }
  probe(sim);
}

/** Much later: what the shards have forgotten is in history, and only that; and no hand-over that comes again brings it back. */
export function checkForgotten(sim: Simulation): void {
  const history = readHistory(sim);
  for (const { to, request } of sim.handovers) {
    const host = sim.host(to);
    const before = host.known();
    host.execute("receive", request, (core) => core.reply(core.receive(structuredClone(request))));
    if (host.known() > before) sim.violations.add("spawn", `a hand-over to ${to} brought jobs again`);
  }
  for (const id of sim.submissions.committedIds()) {
    const here = sim.host(sim.submissions.shardOf(id) ?? "").stateOf(id);
    if (here !== null) continue;
    sim.counters.count("forgotten by its shard, kept by history");
    if (!history.has(id)) sim.violations.add("P1", `${id} was forgotten before history had it`);
  }
  probe(sim);
}

/** Without faults an executor's heartbeats hold its lease for as long as the job may run. */
function leaseWasKept(sim: Simulation, job: Job): void {
  const { ms } = JSON.parse(job.payload) as Script;
  // Earlier attempts did what it was before.
  if (sim.observer.wasChanged(job.id)) return;
  if (sim.settings(job.queue).target.type === "pull" || ms + NETWORK_MS > job.timeoutMs) return;
  const lost = job.attempts.filter((attempt) => attempt.outcome === "leaseExpired");
  if (lost.length > 0) sim.violations.add("P2", `${job.id} lost its lease on a calm day: ${JSON.stringify(lost)}`);
}

/** Without faults, limits or lines to stand in, a pushed job starts as soon as its bell is heard: a Queue may have one consumer, with a long job. */
function startedPromptly(sim: Simulation, job: Job): void {
  const { target, concurrency, version, lane } = sim.settings(job.queue);
  const [first, ...more] = job.attempts;
  const free = target.type === "handler" && concurrency === null && version === 1 && job.orderingKey === null;
  // A retry or a redrive has moved the run-at.
  if (!free || first === undefined || more.length > 0 || job.state !== "succeeded") return;
  const waitMs = first.startedAt - job.runAt;
  const isHeld = sim.bellsWereHeld(lane, job.runAt, first.startedAt);
  if (waitMs > (isHeld ? PROMPT_BESIDE_LONG_JOBS_MS : PROMPT_MS))
    sim.violations.add("prompt", `${job.id} waited ${waitMs} ms for nothing`);
}

function sameInHistory(sim: Simulation, here: Job, there: Job | undefined): void {
  if (there === undefined) {
    sim.violations.add("history", `${here.id} is ${here.state} and not in history`);
    return;
  }
  const [a, b] = [JSON.stringify(sorted(here)), JSON.stringify(sorted(there))];
  if (a !== b) sim.violations.add("history", `${here.id} differs: shard ${a}, history ${b}`);
}

function sorted(job: Job): [string, unknown][] {
  return Object.entries(job).sort(([a], [b]) => (a < b ? -1 : 1));
}

function readHistory(sim: Simulation): Map<string, Job> {
  const jobs = new Map<string, Job>();
  for (const row of sim.history.all("SELECT * FROM jobs")) {
    const job = {
      ...(JSON.parse(String(row.record)) as Job),
      payload: String(row.payload),
      result: row.result as string | null,
      attempts: JSON.parse(String(row.attempts)) as Job["attempts"],
    };
    jobs.set(job.id, job);
    if (row.state !== job.state || row.version !== job.version) {
      sim.violations.add("history", `${job.id}: columns and record differ`);
    }
  }
  for (const job of pagedJobs(sim.history)) {
    if (jobs.has(job.id)) sim.violations.add("history", `${job.id} is twice in history`);
    jobs.set(job.id, job);
    sim.counters.count("in a page of history");
  }
  return jobs;
}

function why(sim: Simulation, id: string): string {
  const host = sim.host(sim.submissions.shardOf(id) ?? "");
  const reply = host.peek((core) => core.explain({ ...sim.gateway.call, namespace: NAMESPACE, id }));
  return JSON.stringify({ reply, alarm: host.alarm.at });
}
