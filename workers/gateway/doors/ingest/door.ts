import type { BatchView } from "../../../../contract/batch.ts";
import { sha256Hex } from "../../../../contract/hash.ts";
import type { IngestEnvelope } from "../../../../contract/ingest.ts";
import { jsonText } from "../../../../contract/json-text.ts";
import { MAX_JSON_DEPTH } from "../../../../contract/limits.ts";
import type { ProblemView } from "../../../../contract/problem.ts";
import { access, invalid, isProblem, notFound, type Problem, type Result } from "../../../../contract/problems.ts";
import { fieldSentence } from "../../../../contract/sentence.ts";
import { traceparentIn } from "../../../../domain/trace.ts";
import { refusalOf } from "../../api/admission.ts";
import { type CommittedJobs, SURELY_KNOWN_MS } from "../../jobs/committed-jobs.ts";
import type { Services } from "../../services.ts";
import { type BatchRun, type BatchSender, submitBatch } from "../../submit/batch.ts";
import { batchOnce } from "../../submit/batch-once.ts";
import type { Item } from "../../submit/plan.ts";
import { type Randomness, seededRandomness } from "../../submit/randomness.ts";
import { idsUnderEarlierPartitioning } from "./ids-under-earlier-partitioning.ts";
import { afterMsOf, DONE, type Letter, mayPass, reasonText, type Verdict } from "./verdict.ts";

/** A message as the Queue hands it over. `sentAt` is when it was sent, epoch ms. */
export interface Sent {
  id: string;
  sentAt: number;
  attempts: number;
  body: unknown;
}

/** What the messages of one batch are looked into with. */
export interface IngestContext {
  services: Services;
  committed: CommittedJobs;
}

/** Submits what another Worker sent. The same message is the same jobs, however often it comes. */
export async function admit(context: IngestContext, sent: Sent, envelope: IngestEnvelope): Promise<Result<Verdict>> {
  const namespace = await namespaceOf(context.services, envelope, Date.now());
  if (isProblem(namespace)) return namespace;
  const answer = await submitted({ ...context, namespace }, sent, envelope);
  if (isProblem(answer)) return answer;
  const { view, isLast } = answer;
  return verdictOn(view, sent, { envelope, namespace, isLast });
}

/** Where the message may submit; see `contract/ingest.ts`. */
async function namespaceOf(
  services: Services,
  { namespace, key }: IngestEnvelope,
  now: number,
): Promise<Result<string>> {
  const { auth, keyUse } = services;
  const caller = key === undefined ? null : (refusalOf(services) ?? (await auth.identify(key, now)));
  if (isProblem(caller)) return caller;
  if (caller !== null) await keyUse.note(caller, now);
  if (key !== undefined && caller === null) return access.unauthorized("The message's key is not a working key.");
  if (caller !== null && !caller.scopes.has("submit")) return access.forbidden('The key has no scope "submit".');
  if (namespace === undefined) return caller?.namespace ?? "default";
  if (caller !== null && !caller.root && caller.namespace !== namespace) {
    return access.forbidden("The message's key is of another namespace.");
  }
  const exists = await auth.namespaceExists(namespace, now);
  if (isProblem(exists)) return exists;
  return exists ? namespace : notFound.namespace(namespace);
}

/** What a message's jobs came to. `isLast`: nothing that they might have passed by coming again will. */
interface SubmittedMessage {
  view: BatchView;
  isLast: boolean;
}

async function submitted(
  { committed, ...sender }: BatchSender & { committed: CommittedJobs },
  sent: Sent,
  envelope: IngestEnvelope,
): Promise<Result<SubmittedMessage>> {
  const { services, namespace } = sender;
  const body =
    envelope.type === "submit"
      ? { atomic: false, jobs: [envelope.job] }
      : { atomic: envelope.atomic, jobs: envelope.jobs };
  const traceparent = traceparentIn(envelope.traceparent ?? "");
  const run = (options: Omit<BatchRun, "past">) => {
    const past = (items: readonly Item[]) => earlier(committed, items, options);
    return submitBatch(sender, body, { ...options, traceparent, past });
  };
  const now = sent.sentAt;
  if (envelope.type === "submitBatch" && envelope.idempotencyKey !== undefined) {
    const fault = jsonFault(body.jobs);
    if (fault !== null) return fault;
    // An answer that was given through the other door is the batch's last, though it refused what might have passed.
    let isLast = true;
    const runBatch = (options: Omit<BatchRun, "past">) => {
      isLast = false;
      return run(options);
    };
    const once = { namespace, key: envelope.idempotencyKey, body, now: Date.now(), stands };
    const view = await batchOnce(services, once, runBatch);
    return isProblem(view) ? view : { view, isLast };
  }
  const seeded = seededRandomness((await sha256Hex(`ingest/${sent.id}/${sent.sentAt}`)).slice(0, SEED_DIGITS));
  const randomness = envelope.type === "submit" ? ofOne(seeded) : seeded;
  // A transaction that was aborted stays so: each delivery has one of its own, for the same jobs.
  const batchId = `${randomness.batchId}.${sent.attempts}`;
  const view = await run({ randomness: { ...randomness, batchId }, now, late: false });
  return isProblem(view) ? view : { view, isLast: false };
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
): Promise<Result<Map<string, string>>> {
  const isOld = Date.now() - now > SURELY_KNOWN_MS;
  const asked = items.map(({ index, assigned }) => ({
    id: assigned.job.id,
    namespace: assigned.settings.namespace,
    others: idsUnderEarlierPartitioning(assigned, { randomness, index, sentAt: now }),
  }));
  const names = asked.flatMap(({ id, namespace, others }) =>
    (isOld ? [id, ...others] : others).map((one) => ({ namespace, id: one })),
  );
  if (names.length === 0) return new Map();
  const known = await committed.of(names);
  if (isProblem(known)) return known;
  const { existing, past } = known;
  return new Map(
    asked.flatMap(({ id, others }): [string, string][] => {
      // What its shard still has under this id is sent again, and answered by the shard.
      const one = past.has(id) ? id : others.find((other) => existing.has(other) || past.has(other));
      return one === undefined ? [] : [[id, one]];
    }),
  );
}

/** A key stands for what the jobs are, all together: one that has no such text, or nests too deep, refuses them all. */
function jsonFault(jobs: unknown[]): Problem | null {
  const json = jsonText(jobs, MAX_JSON_DEPTH - 1);
  if (json.type === "text") return null;
  return invalid.request("The message is not valid.", [
    { pointer: "/jobs", detail: fieldSentence("jobs", json.detail) },
  ]);
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
