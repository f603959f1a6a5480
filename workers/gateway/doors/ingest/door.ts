import type { BatchView } from "../../../../contract/batch.ts";
import { sha256Hex } from "../../../../contract/hash.ts";
import type { IngestEnvelope } from "../../../../contract/ingest.ts";
import { jsonText } from "../../../../contract/json-text.ts";
import { MAX_JSON_DEPTH } from "../../../../contract/limits.ts";
import type { ProblemView } from "../../../../contract/problem.ts";
import { notFound } from "../../../../contract/problems.ts";
import { type CommittedJobs, SURELY_KNOWN_MS } from "../../deferred/committed-jobs.ts";
import { idsUnderEarlierPartitioning } from "../../deferred/ids-under-earlier-partitioning.ts";
import { orThrow, Refusal, refusalOf } from "../../refusal.ts";
import type { Services } from "../../services.ts";
import { type BatchRun, type BatchSender, submitBatch } from "../../submit/batch.ts";
import { batchOnce } from "../../submit/batch-once.ts";
import type { Item } from "../../submit/plan.ts";
import { type Randomness, seededRandomness } from "../../submit/randomness.ts";
import { afterMsOf, DONE, type Letter, mayPass, reasonText, type Verdict, verdictOver } from "./verdict.ts";

/** A message as the Queue hands it over. `sentAt` is when it was sent, epoch ms. */
export interface Sent {
  id: string;
  sentAt: number;
  attempts: number;
  body: unknown;
}

/** Submits what another Worker sent. Never throws. The same message is the same jobs, however often it comes. */
export async function admit(
  context: { services: Services; database: D1Database; committed: CommittedJobs },
  sent: Sent,
  envelope: IngestEnvelope,
): Promise<Verdict> {
  try {
    const namespace = await namespaceOf(context.services, envelope, Date.now());
    const { view, isLast } = await submitted({ ...context, namespace }, sent, envelope);
    return verdictOn(view, sent, { envelope, namespace, isLast });
  } catch (error) {
    return verdictOver(error, sent);
  }
}

/** Where the message may submit; see `contract/ingest.ts`. */
async function namespaceOf({ auth }: Services, { namespace, key }: IngestEnvelope, now: number): Promise<string> {
  const caller = key === undefined ? null : orThrow(await auth.identify(key, now));
  if (key !== undefined && caller === null)
    throw new Refusal("unauthorized", "The message's key is not a working key.");
  if (caller !== null && !caller.scopes.has("submit")) {
    throw new Refusal("forbidden", 'The key has no scope "submit".');
  }
  if (namespace === undefined) return caller?.namespace ?? "default";
  if (caller !== null && !caller.root && caller.namespace !== namespace) {
    throw new Refusal("forbidden", "The message's key is of another namespace.");
  }
  if (!orThrow(await auth.namespaceExists(namespace, now))) throw refusalOf(notFound.namespace(namespace));
  return namespace;
}

async function submitted(
  { committed, ...sender }: BatchSender & { committed: CommittedJobs },
  sent: Sent,
  envelope: IngestEnvelope,
): Promise<{ view: BatchView; isLast: boolean }> {
  const { services, namespace } = sender;
  const body =
    envelope.type === "submit"
      ? { atomic: false, jobs: [envelope.job] }
      : { atomic: envelope.atomic, jobs: envelope.jobs };
  const run = (options: Omit<BatchRun, "past">) => {
    const past = (items: readonly Item[]) => earlier(committed, items, options);
    return submitBatch(sender, body, { ...options, past });
  };
  const now = sent.sentAt;
  if (envelope.type === "submitBatch" && envelope.idempotencyKey !== undefined) {
    requireJson(body.jobs);
    // An answer that was given through the other door is the batch's last, though it refused what might have passed.
    let isLast = true;
    const runBatch = (options: Omit<BatchRun, "past">) => {
      isLast = false;
      return run(options);
    };
    const once = { namespace, key: envelope.idempotencyKey, body, now: Date.now(), stands };
    return { view: await batchOnce(services, once, runBatch), isLast };
  }
  const seeded = seededRandomness((await sha256Hex(`ingest/${sent.id}/${sent.sentAt}`)).slice(0, SEED_DIGITS));
  const randomness = envelope.type === "submit" ? ofOne(seeded) : seeded;
  // A transaction that was aborted stays so: each delivery has one of its own, for the same jobs.
  const batchId = `${randomness.batchId}.${sent.attempts}`;
  return { view: await run({ randomness: { ...randomness, batchId }, now, late: false }), isLast: false };
}

const SEED_DIGITS = 32;

/** One job has nobody to be spread from: it lies in the same place whether its queue spreads or not. */
function ofOne(randomness: Randomness): Randomness {
  return { ...randomness, of: (index) => ({ ...randomness.of(index), random: randomness.partition }) };
}

/** Jobs that have come and gone, and those that were submitted when their queue's settings placed them elsewhere. */
async function earlier(
  committed: CommittedJobs,
  items: readonly Item[],
  { randomness, now }: { randomness: Randomness; now: number },
): Promise<Map<string, string>> {
  const isOld = Date.now() - now > SURELY_KNOWN_MS;
  const asked = items.map(({ index, assigned }) => ({
    id: assigned.job.id,
    others: idsUnderEarlierPartitioning(assigned, { randomness, index, sentAt: now }),
  }));
  const ids = asked.flatMap(({ id, others }) => (isOld ? [id, ...others] : others));
  if (ids.length === 0) return new Map();
  const { existing, past } = await committed.of(ids);
  return new Map(
    asked.flatMap(({ id, others }): [string, string][] => {
      // What its shard still has under this id is sent again, and answered by the shard.
      const one = past.has(id) ? id : others.find((other) => existing.has(other) || past.has(other));
      return one === undefined ? [] : [[id, one]];
    }),
  );
}

/** A key stands for what the jobs are, all together: one that has no such text, or nests too deep, refuses them all. */
function requireJson(jobs: unknown[]): void {
  const json = jsonText(jobs, MAX_JSON_DEPTH - 1);
  if (json.type === "text") return;
  throw new Refusal("invalid-request", "The message is not valid.", {
    errors: [{ pointer: "/jobs", detail: json.detail }],
  });
}

function stands({ items }: BatchView): boolean {
  return !items.some((item) => "problem" in item && mayPass(item.problem));
}

/** Each job that was refused for good becomes a letter of its own; for the others that were refused the message comes again. */
function verdictOn(
  { items }: BatchView,
  sent: Sent,
  { envelope, namespace, isLast }: { envelope: IngestEnvelope; namespace: string; isLast: boolean },
): Verdict {
  const problems = items.flatMap((item, index) => ("problem" in item ? [{ index, problem: item.problem }] : []));
  if (problems.length === 0) return DONE;
  const passing = problems.filter(({ problem }) => !isLast && mayPass(problem)).map(({ problem }) => problem);
  const lost = problems.filter(({ problem }) => isLast || !mayPass(problem));
  const letters = lost.map(({ index, problem }): Letter => {
    if (envelope.type === "submit") return { id: sent.id, reason: reasonText(ofJob(problem)), body: sent.body };
    const body = { type: "submit", namespace, job: envelope.jobs[index] };
    return { id: `${sent.id}/${index}`, reason: reasonText(problem), body };
  });
  const [first] = passing;
  const afterMs = Math.max(0, ...passing.map(afterMsOf));
  return { letters, retry: first === undefined ? null : { reason: first.code, afterMs } };
}

/** The one job of a message was submitted as a batch of one: its faults lie elsewhere in what was sent. */
function ofJob(problem: ProblemView): ProblemView {
  const errors = (problem.errors ?? []).map(({ pointer, detail }) => ({
    pointer: pointer.replace(/^\/jobs\/0/, "/job"),
    detail,
  }));
  return { ...problem, errors };
}
