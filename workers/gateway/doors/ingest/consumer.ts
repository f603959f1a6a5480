import { DeferredMessage, IngestEnvelope, IngestMessage } from "../../../../contract/ingest.ts";
import { jsonText, TOO_DEEP } from "../../../../contract/json-text.ts";
import { invalid, isProblem, type Result } from "../../../../contract/problems.ts";
import { textMembersOf } from "../../../../contract/text-members.ts";
import { LATE, within } from "../../deadline.ts";
import { CommittedJobs } from "../../jobs/committed-jobs.ts";
import { servicesOf } from "../../services.ts";
import { plainJson } from "../plain-json.ts";
import { commitDeferred } from "./commit.ts";
import { admit, type IngestContext, type Sent } from "./door.ts";
import { ackOrRetry, type Verdict, verdictOver } from "./verdict.ts";

/** A shard that does not answer keeps its own messages waiting, and the others of their batch no longer than this. */
const MESSAGE_MS = 15_000;
const TOO_LATE: Verdict = { letters: [], retry: { reason: "no answer in time", afterMs: 0 } };

/**
 * The consumer of the ingest Queue. Every message is acknowledged, kept as a dead letter or retried by itself, and nothing
 * is thrown: one message never takes the others of its batch along.
 */
export async function consumeIngest(batch: MessageBatch, env: Env): Promise<void> {
  const services = servicesOf(env);
  const context = { services, committed: new CommittedJobs(services) };
  const now = Date.now();
  await Promise.all(
    batch.messages.map(async (message) => {
      const verdict = await within(MESSAGE_MS, verdictFor(context, message, now));
      const where = { database: services.database, queue: batch.queue, now, random: Math.random() };
      await ackOrRetry(message, verdict === LATE ? TOO_LATE : verdict, where);
    }),
  );
}

async function verdictFor(context: IngestContext, message: Message, now: number): Promise<Verdict> {
  const { id, body, timestamp, attempts } = message;
  const sent = { id, body, sentAt: timestamp.getTime(), attempts };
  try {
    const deferred = DeferredMessage.safeParse(body);
    const verdict = deferred.success
      ? await commitDeferred(context, { ...sent, message: deferred.data }, now)
      : await admitted(context, sent);
    return isProblem(verdict) ? verdictOver(verdict, sent) : verdict;
  } catch (error) {
    return verdictOver(error, sent);
  }
}

/** Another Worker's message. A Queue carries more than JSON has (dates, maps, NaN), which no job can: that is refused. */
async function admitted(context: IngestContext, sent: Sent): Promise<Result<Verdict>> {
  const value = asJson(sent.body);
  if (isProblem(value)) return value;
  const envelope = IngestEnvelope.safeParse(value);
  if (!envelope.success) return invalid.schema(envelope.error, "", "The message is not valid.");
  return admit(context, sent, envelope.data);
}

/** The message as JSON. What nests too deep is left to the door, which names the job. */
function asJson(body: unknown): Result<unknown> {
  const text = jsonText(body);
  return text.type === "fault" && text.detail === TOO_DEEP ? body : plainJson(body, textMembersOf(IngestMessage));
}
