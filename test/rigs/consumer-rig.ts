import type { DureBinding } from "../../client/src/binding.ts";
import { type ConsumerOptions, consumer } from "../../client/src/consumer.ts";
import type { ClaimedJob, ClaimRequest, Reported, ReportRequest } from "../../client/src/generated/types.ts";
import { claimedJob, errorLog, FakeClock, problemBody } from "./client-fakes.ts";

type Claim = ClaimRequest & { queue: string };
export type Env = { DURE: DureBinding };

/** What a call of the binding throws: an error with the problem's members, as RPC carries it over. */
export function problem(status: number, code: string): Error {
  return Object.assign(new Error(code), problemBody(status, code).body);
}

/** A message as a shard rings a consumer with it. */
export const BELL = { v: 1, kind: "work", shard: "shard-0", lane: "bulk" };

interface Script {
  /** Called before a claim is served; may throw, or hold it. */
  claim?: (claim: Claim) => unknown;
  /** Called when reports arrive, before they are recorded; may throw. */
  report?: (reports: ReportRequest[]) => unknown;
  /** The same after they are recorded: only the answer is lost. */
  reported?: (reports: ReportRequest[]) => unknown;
  extend?: (lease: string) => { cancelled: boolean };
}

/** Queues behind a binding, and a consumer of them on a clock that the test drives. */
export function startConsumer(
  jobs: Record<string, string[]>,
  options: Partial<ConsumerOptions<Env>>,
  script: Script = {},
) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const waiting = new Map(Object.entries(jobs).map(([queue, ids]) => [queue, [...ids]]));
  const claims: Claim[] = [];
  const reports: ReportRequest[] = [];
  const extended: string[] = [];
  const calls: string[] = [];
  const give = async (claim: Claim): Promise<ClaimedJob[]> => {
    claims.push(claim);
    await script.claim?.(claim);
    const ids = waiting.get(claim.queue);
    if (ids === undefined) throw problem(404, "queue-not-found");
    return ids.splice(0, claim.max).map((id) => claimedJob(id, { queue: claim.queue }) as unknown as ClaimedJob);
  };
  const dure = {
    async claim(queue: string, body: ClaimRequest) {
      calls.push(`claim ${queue}`);
      return { jobs: await give({ ...body, queue }) };
    },
    async report(said: ReportRequest[], { claim }: { claim?: Claim }): Promise<Reported> {
      calls.push(claim === undefined ? "report" : `report and claim ${claim.queue}`);
      if (claim !== undefined && !waiting.has(claim.queue)) throw problem(404, "queue-not-found");
      await script.report?.(said);
      const items = said.map(({ lease }) => {
        if (!reports.some((report) => report.lease === lease)) return { status: "recorded" } as const;
        return { status: "stale", problem: problem(409, "stale-lease") } as unknown as Reported["items"][0];
      });
      reports.push(...said.filter((_, i) => items[i]?.status === "recorded"));
      await script.reported?.(said);
      return { items, jobs: claim === undefined ? [] : await give(claim) };
    },
    async extend(lease: string) {
      extended.push(lease);
      return { leaseExpiresAt: null, ...(script.extend?.(lease) ?? { cancelled: false }) };
    },
  } as unknown as DureBinding;
  const worker = consumer<Env>({
    handlers: Object.fromEntries(Object.keys(jobs).map((queue) => [queue, (job) => job.id])),
    clock,
    random: () => 1,
    log: errorLog(errors),
    ...options,
  });
  const acked: unknown[] = [];
  /** Delivers one batch. The promise settles when the invocation ends. */
  const ring = (...bodies: unknown[]) => {
    const messages = bodies.map((body) => ({ body, ack: () => acked.push(body) }));
    const run = { ended: false, promise: Promise.resolve() };
    run.promise = worker.queue({ messages }, { DURE: dure }).then(() => {
      run.ended = true;
    });
    return run;
  };
  return { clock, errors, waiting, claims, reports, extended, calls, acked, ring };
}

/** The ids of `n` jobs. */
export const range = (n: number, prefix = "j") => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
