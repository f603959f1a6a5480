import { BatchEnvelope } from "../contract/batch.ts";
import { REQUESTS, type RequestName } from "../contract/components.ts";
import { MAX_BODY_BYTES, MAX_PAYLOAD_BYTES } from "../contract/limits.ts";
import { parseSubmit } from "../contract/parse-submit.ts";
import { isProblem } from "../contract/problems.ts";
import { textMembersOf } from "../contract/text-members.ts";
import { canonicalText } from "../domain/json/canonical.ts";
import { LARGE_BROKEN, LARGE_TEXTS } from "../test/rigs/large-texts.ts";
import { jsonValue } from "../workers/gateway/doors/json-value.ts";
import { readResult } from "../workers/processor/executors/http-result.ts";
import type { Row } from "./report.ts";

const READ_MS = 20;
const ROUNDS = 15;

/** What an idempotency key compares: of a job its payload, of a batch all of them. */
const COMPARED = [
  ["256 KiB", MAX_PAYLOAD_BYTES, 15],
  ["1 MiB", MAX_BODY_BYTES, 60],
] as const;

/** What is done with the body of a call before anybody else hears of it. */
type Door = (body: Uint8Array<ArrayBuffer>) => unknown;

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const now = Date.now();

/** The doors by which a body of 1 MiB comes in, and where in it a text may stand that is as large. */
const DOORS: [name: string, around: [before: string, after: string], door: Door][] = [
  ["a job, as its payload", ['{"payload":', "}"], reading("SubmitRequest", parseSubmit)],
  ["a job, as a member that it may not have", ['{"payload":0,"tags":', "}"], reading("SubmitRequest", parseSubmit)],
  ["a batch, as a payload", ['{"jobs":[{"payload":', "}]}"], readBatch],
  ["a batch, as its jobs", ['{"atomic":true,"jobs":', "}"], readBatch],
  ["reports, as a result", ['{"reports":[{"lease":"x","ok":true,"result":', "}]}"], reading("ReportsRequest")],
  ["a patch of a job", ['{"payload":', "}"], reading("JobPatch")],
  ["a schedule", ['{"cron":"* * * * *","job":{"payload":', "}}"], reading("ScheduleRequest")],
  ["a target's answer", ["", ""], readAnswer],
  ["a target's answer that brings jobs", ['{"dure-spawn":[],"result":', "}"], readAnswer],
];

function reading(name: RequestName, parse = (value: unknown): unknown => REQUESTS[name].safeParse(value)): Door {
  const texts = textMembersOf(REQUESTS[name]);
  return (body) => {
    const value = jsonValue(utf8.decode(body), texts);
    return isProblem(value) ? value : parse(value);
  };
}

function readBatch(body: Uint8Array<ArrayBuffer>): unknown {
  const value = reading("BatchRequest", (jobs) => BatchEnvelope.safeParse(jobs))(body) as { data?: BatchEnvelope };
  return value.data?.jobs.map((job) => parseSubmit(job));
}

function readAnswer(body: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const response = new Response(body, { headers: { "content-type": "application/json" } });
  return readResult(response, { maySpawn: true, now }).catch((error: unknown) => error);
}

/** Milliseconds of the text that takes longest at each door to be read or refused; and to be compared under an idempotency key. */
export async function bodyRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, [before, after], door] of DOORS) {
    const room = MAX_BODY_BYTES - before.length - after.length;
    const texts = Object.entries({ ...LARGE_TEXTS, ...LARGE_BROKEN });
    const bodies = texts.map(
      ([what, text]) => [what, Uint8Array.from(encoder.encode(before + text(room) + after))] as const,
    );
    rows.push(await slowest({ name: `1 MiB read or refused: ${name}`, atMost: READ_MS }, bodies, door));
  }
  for (const [what, bytes, atMost] of COMPARED) {
    const texts = Object.entries(LARGE_TEXTS).map(([shape, text]) => [shape, text(bytes)] as const);
    rows.push(await slowest({ name: `${what} made comparable`, atMost }, texts, canonicalText));
  }
  return rows;
}

/** Of each the least of some rounds: whoever shares the machine makes the others longer. */
async function slowest<T>(
  { name, atMost }: { name: string; atMost: number },
  inputs: readonly (readonly [shape: string, input: T])[],
  door: (input: T) => unknown,
): Promise<Row> {
  const least = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [shape, input] of inputs) {
      const start = performance.now();
      await door(input);
      least.set(shape, Math.min(least.get(shape) ?? Number.POSITIVE_INFINITY, performance.now() - start));
    }
  }
  const [shape, ms] = [...least].toSorted(([, a], [, b]) => b - a)[0] ?? ["", Number.NaN];
  return { name: `${name} (slowest: ${shape})`, dure: ms, unit: "ms", budget: { of: "figure", atMost } };
}
