import { utf8Bytes } from "../../../../contract/primitives.ts";
import { readable } from "../../kernel/quarantine.ts";
import type { Step } from "../../kernel/step.ts";
import { QUEUES } from "../../queues/queue-store.ts";
import type { SucceededJob } from "../job-change.ts";
import type { ItemRow, JobRow, JobSpec } from "../job-row.ts";
import { EACH_JOB } from "../job-store.ts";
import type { Returning, Start, StartedRow, Success } from "../state-store.ts";
import { acceptedAt, type OpenSlice, type PackHead, type PackPlace, sliceAt } from "./pack-head.ts";
import { acceptedRow, PACKED_VERSIONS, startedRow } from "./pack-rows.ts";
import type { DoneCells, PackTexts } from "./pack-store.ts";
import { LARGEST_TEXT, MOST_CHARACTERS, MOST_RESULT_BYTES } from "./packing.ts";
import { EACH_PACK, PACKS } from "./packs.ts";

/** Ends of leases and attempts of jobs with one timeout, epoch ms. */
function endsOf({ now, leaseMs, graceMs }: Start, timeoutMs: number) {
  return { attemptEndsAt: now + timeoutMs + graceMs, leaseEndsAt: now + (leaseMs ?? timeoutMs) };
}

/**
 * Starts jobs of packs that wait, as `StateStore.start` does others. Of each pack those are started that go first: one that
 * stands behind another which is not to start stays where it is. Answers what is asked for of each.
 */
export function startPacked<Row extends StartedRow>(
  step: Step,
  places: readonly PackPlace[],
  { as, returning }: { as: Start; returning: Returning },
): Row[] {
  const rows: StartedRow[] = [];
  for (const [pack, ofPack] of Map.groupBy(places, ({ head }) => head.pack)) {
    const head = step.get(PACKS).get(pack);
    const n = head === null ? 0 : consecutive(head, new Set(ofPack.map(({ at }) => at)));
    if (head === null || n === 0) continue;
    // Before anything is written: of a pack that cannot be read nothing starts.
    const name = { kind: EACH_PACK.kind, key: EACH_PACK.keyOf(head) };
    const started = readable(step, name, { now: step.now, make: () => startedRows(step, head, { n, as, returning }) });
    if (started === null || started.n === 0) continue;
    const ends = endsOf(as, head.timeoutMs);
    const { lease: nonce, worker, begun, now } = as;
    step.get(PACKS).start(head, { first: head.next, n: started.n }, { nonce, worker, begun, now, ...ends });
    rows.push(...started.rows);
  }
  return rows as Row[];
}

/**
 * What is asked for of the next `n` places of a pack, up to the first job that cannot be read: that one is set aside, and the others are
 * not. Answers how many places that are. Throws where all jobs have one spec, and that cannot be read.
 */
function startedRows(
  step: Step,
  head: PackHead,
  { n, as, returning }: { n: number; as: Start; returning: Returning },
): { rows: StartedRow[]; n: number } {
  const texts = step.get(PACKS).texts(head);
  const ofAll = head.spec === null ? null : parseSpec(head.spec);
  const rows: StartedRow[] = [];
  let last = head.next - 1;
  for (let at = head.next; at < head.next + n; at++) {
    if (head.gone.has(at)) continue;
    const spec = ofAll ?? readSpec(step, texts, at);
    if (spec === null) break;
    rows.push(returning === "item" ? itemOf(head, at, { texts, as, spec }) : rowOf(head, at, { texts, as }));
    last = at;
  }
  return { rows, n: last + 1 - head.next };
}

/** The spec of one job; null where it cannot be read, and the job is set aside. */
function readSpec(step: Step, texts: PackTexts, at: number): JobSpec | null {
  const name = { kind: EACH_JOB.kind, key: texts.ids[at] ?? "" };
  return readable(step, name, { now: step.now, make: () => parseSpec(texts.spec(at)) });
}

function parseSpec(text: string): JobSpec {
  const spec: unknown = JSON.parse(text);
  if (typeof spec !== "object" || spec === null) throw new TypeError("a spec is no object");
  return spec as JobSpec;
}

/** How many places from `next` on are all among these, or gone. */
function consecutive({ next, n, gone }: PackHead, wanted: ReadonlySet<number>): number {
  let last = next - 1;
  for (let at = next; at < n; at++) {
    if (wanted.has(at)) last = at;
    else if (!gone.has(at)) break;
  }
  return last + 1 - next;
}

interface Starting {
  texts: PackTexts;
  as: Start;
}

function itemOf(head: PackHead, at: number, { texts, as, spec }: Starting & { spec: JobSpec }): ItemRow {
  const { attemptEndsAt, leaseEndsAt } = endsOf(as, head.timeoutMs);
  const { traceparent = null } = spec;
  return {
    id: texts.ids[at] ?? "",
    attempt: 1,
    returned: 0,
    lease: as.lease,
    payload: texts.payload(at),
    timeout_ms: head.timeoutMs,
    due_at: Math.min(attemptEndsAt, leaseEndsAt),
    traceparent,
    ordering_key: null,
  };
}

function rowOf(head: PackHead, at: number, { texts, as }: Starting): JobRow {
  const { attemptEndsAt, leaseEndsAt } = endsOf(as, head.timeoutMs);
  const job = { id: texts.ids[at] ?? "", payload: texts.payload(at), spec: texts.spec(at) };
  const claimed = {
    lease: as.lease,
    worker: as.worker,
    begun: as.begun,
    attempt_at: as.now,
    attempt_ends_at: attemptEndsAt,
    lease_ends_at: leaseEndsAt,
  };
  return startedRow(acceptedRow(head, at, job), claimed, as.countsTowardLimit === 1);
}

/** What became of the successes of one call. */
interface Recorded {
  jobs: SucceededJob[];
  /** Those of jobs that have rows of their own. */
  others: Success[];
  /** Of these the packed ones whose results are too large for a pack: they get their rows, and go as the others do. */
  large: string[];
}

/** Successes of one call that go into one slice. */
interface OfSlice {
  pack: number;
  first: number;
  jobs: { place: PackPlace; success: Success }[];
  /** What their results take. */
  bytes: number;
}

/** Records successes of packed jobs, each where its lease is the current one and has not ended. `namespace` null is any. */
export function succeedPacked(step: Step, done: readonly Success[], namespace: string | null): Recorded {
  const packs = step.get(PACKS);
  const recorded: Recorded = { jobs: [], others: [], large: [] };
  if (!packs.any) return { ...recorded, others: [...done] };
  const bySlice = new Map<string, OfSlice>();
  for (const success of done) {
    const place = packs.find(success.id);
    if (place === null) {
      recorded.others.push(success);
      continue;
    }
    const slice = sliceAt(place.head, place.at);
    if (slice === null || !isFenced(step, { place, slice, success, namespace })) continue;
    const key = `${place.head.pack}/${slice.first}`;
    const group = bySlice.get(key) ?? { pack: place.head.pack, first: slice.first, jobs: [], bytes: 0 };
    const bytes = success.result === null ? 0 : utf8Bytes(success.result);
    if (!hasRoom(slice, { result: success.result, bytes, ofCall: group.bytes })) {
      recorded.large.push(success.id);
      recorded.others.push(success);
      continue;
    }
    group.jobs.push({ place, success });
    group.bytes += bytes;
    bySlice.set(key, group);
  }
  for (const { pack, first, jobs } of bySlice.values()) {
    const head = packs.get(pack);
    const slice = head?.slices.find((open) => open.first === first);
    if (head === null || slice === undefined) continue;
    const cells = jobs.map(({ place, success }) => cellsOf(place.at, success, step.now));
    if (!packs.succeed(head, slice, { done: cells, now: step.now })) continue;
    for (const { place, success } of jobs) recorded.jobs.push(succeededJob(place, success.id));
  }
  return recorded;
}

function isFenced(
  step: Step,
  of: { place: PackPlace; slice: OpenSlice; success: Success; namespace: string | null },
): boolean {
  const { place, slice, success, namespace } = of;
  if (slice.nonce !== success.nonce || success.delivery !== 1 || slice.dueAt <= step.now) return false;
  return namespace === null || step.get(QUEUES).get(place.head.queue).settings.namespace === namespace;
}

/**
 * Whether a slice still takes a result of so many bytes, beside those `ofCall` of the call: one that is large goes into a row
 * of its own, and so do those that are too many. Each further call writes again what the slice has.
 */
function hasRoom(
  slice: OpenSlice,
  { result, bytes, ofCall }: { result: string | null; bytes: number; ofCall: number },
): boolean {
  if (result === null) return true;
  if (result.length > LARGEST_TEXT || ofCall + bytes > MOST_RESULT_BYTES) return false;
  return slice.bytes + bytes <= MOST_CHARACTERS;
}

function cellsOf(at: number, { result, truncated, warning }: Success, now: number): DoneCells {
  return [at, now, result, truncated ? 1 : 0, warning === null ? null : JSON.stringify(warning)];
}

function succeededJob({ head, at }: PackPlace, id: string): SucceededJob {
  return {
    id,
    slot: head.slot,
    queue: head.queue,
    partition: head.partition,
    version: PACKED_VERSIONS.succeeded,
    created_at: acceptedAt(head, at).createdAt,
    ordering_key: null,
    concurrency_key: null,
    dedup_key: null,
    packed: true,
  };
}
