import { DeferredMessage, IngestEnvelope } from "../../../../contract/ingest.ts";
import { jsonText, TOO_DEEP } from "../../../../contract/json-text.ts";
import { errorsOf } from "../../../../contract/problem.ts";
import { LATE, within } from "../../deadline.ts";
import { commitDeferred } from "../../deferred/commit.ts";
import { CommittedJobs } from "../../deferred/committed-jobs.ts";
import { orThrow, Refusal } from "../../refusal.ts";
import { servicesOf } from "../../services.ts";
import { plainJson } from "../binding/json-value.ts";
import { admit } from "./door.ts";
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
  const context = {
    services,
    database: services.database,
    committed: new CommittedJobs({ services, database: services.database }),
  };
  const now = Date.now();
  await Promise.all(
    batch.messages.map(async (message) => {
      const verdict = await within(MESSAGE_MS, verdictFor(context, message, now));
      const where = { database: services.database, queue: batch.queue, now, random: Math.random() };
      await ackOrRetry(message, verdict === LATE ? TOO_LATE : verdict, where);
    }),
  );
}

type IngestContext = Parameters<typeof admit>[0];

function verdictFor(context: IngestContext, { id, body, timestamp, attempts }: Message, now: number): Promise<Verdict> {
  const sent = { id, body, sentAt: timestamp.getTime(), attempts };
  const deferred = DeferredMessage.safeParse(body);
  if (deferred.success) return commitDeferred(context, { ...sent, message: deferred.data }, now);
  return admitted(context, sent);
}

/** Another Worker's message. A Queue carries more than JSON has (dates, maps, NaN), which no job can: that is refused. */
async function admitted(context: IngestContext, sent: Parameters<typeof admit>[1]): Promise<Verdict> {
  let value: unknown;
  try {
    value = asJson(sent.body);
  } catch (error) {
    return verdictOver(error, sent);
  }
  const envelope = IngestEnvelope.safeParse(value);
  return envelope.success ? admit(context, sent, envelope.data) : verdictOver(unreadable(envelope.error), sent);
}

/** The message as JSON. What nests too deep is left to the door, which names the job. */
function asJson(body: unknown): unknown {
  const text = jsonText(body);
  return text.type === "fault" && text.detail === TOO_DEEP ? body : orThrow(plainJson(body));
}

function unreadable(error: Parameters<typeof errorsOf>[0]): Refusal {
  return new Refusal("invalid-request", "The message is not valid.", { errors: errorsOf(error) });
}
