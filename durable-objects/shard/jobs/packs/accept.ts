import { utf8Bytes } from "../../../../contract/primitives.ts";
import { parseJobId } from "../../../../domain/job-id.ts";
import { QUARANTINE, readable } from "../../kernel/quarantine.ts";
import type { Step } from "../../kernel/step.ts";
import type { NewRow } from "../state-store.ts";
import { NO_PLACES, NO_SLICES, type PackHead } from "./pack-head.ts";
import { LARGEST_TEXT, MOST_APART_MS, MOST_CHARACTERS, MOST_JOBS, PACKING } from "./packing.ts";
import { EACH_PACK, PACKED_BYTES, PACKS } from "./packs.ts";
import { Segments } from "./segments.ts";

/** Rows that one pack takes, and what their payloads take. */
interface Group {
  rows: NewRow[];
  characters: number;
}

/** Which of these jobs go into packs: plain ones, where packing is on. */
export function packable(step: Step, rows: readonly NewRow[]): NewRow[] {
  const packing = step.get(PACKING);
  if (packing === "off" || (packing === "mixed" && step.random() < 0.5)) return [];
  return rows.filter((row) => isPlain(row, step.now));
}

/**
 * Whether nothing but its place in line says when a job may start. Whatever else may happen to it, it gets its own row before
 * that.
 */
function isPlain(row: NewRow, now: number): boolean {
  const { state, blocked, ordering_key, concurrency_key, dedup_key, due_at, run_at, created_at, payload } = row;
  if (state !== "queued" || blocked !== 0 || due_at !== null || run_at !== created_at) return false;
  if (ordering_key !== null || concurrency_key !== null || dedup_key !== null) return false;
  if (payload.length > LARGEST_TEXT) return false;
  return Math.abs((parseJobId(row.id)?.at ?? 0) - now) <= MOST_APART_MS;
}

/** Writes plain jobs that the shard does not have, in the order of their numbers, into as few packs as will hold them. */
export function acceptPacked(step: Step, rows: readonly NewRow[]): void {
  const alike = Map.groupBy(rows, ({ queue, partition, priority, timeout_ms }) =>
    [queue, partition, priority, timeout_ms].join("/"),
  );
  for (const ofKind of alike.values()) {
    let rest = extendTail(step, ofKind);
    while (rest.length > 0) {
      const { rows: taken } = fitting(rest, { jobs: 0, characters: 0 });
      newPack(step, taken);
      rest = rest.slice(taken.length);
    }
  }
}

/** As many of the first rows as a pack still takes that holds `before` already. The first always fits into an empty one. */
function fitting(rows: readonly NewRow[], before: { jobs: number; characters: number }): Group {
  const group: Group = { rows: [], characters: before.characters };
  for (const row of rows) {
    const characters = group.characters + row.payload.length + row.spec.length;
    if (before.jobs + group.rows.length >= MOST_JOBS || characters > MOST_CHARACTERS) break;
    group.rows.push(row);
    group.characters = characters;
  }
  return group;
}

/** Puts the first of these into the newest pack of their kind, as far as it takes them. Answers the others. */
function extendTail(step: Step, rows: readonly NewRow[]): readonly NewRow[] {
  const [first] = rows;
  const packs = step.get(PACKS);
  const tail = first === undefined ? null : packs.heads.tail(first);
  if (first === undefined || tail === null || tail.n >= MOST_JOBS || !follows(first, tail)) return rows;
  if (!isSound(step, tail)) return rows;
  const sameSpec = tail.spec === null ? rows : rows.slice(0, countSame(rows, tail.spec));
  // What it takes is told well enough by its bytes: characters are no more.
  const characters = tail.bytes - tail.n * PACKED_BYTES + tail.n * (tail.spec?.length ?? first.spec.length);
  const { rows: taken } = fitting(sameSpec, { jobs: tail.n, characters });
  if (taken.length > 0) packs.accept(withRows(tail, taken), taken);
  return rows.slice(taken.length);
}

/** Whether a pack can be read, and work on it has not thrown: what is put into another shares its fate. */
function isSound(step: Step, tail: PackHead): boolean {
  const name = { kind: EACH_PACK.kind, key: EACH_PACK.keyOf(tail) };
  if (step.get(QUARANTINE).find(name.kind, name.key) !== null) return false;
  return readable(step, name, { now: step.now, make: () => step.get(PACKS).look(tail) }) !== null;
}

function countSame(rows: readonly NewRow[], spec: string): number {
  const other = rows.findIndex((row) => row.spec !== spec);
  return other < 0 ? rows.length : other;
}

/** Whether a job may stand behind those of a pack: of the same kind, with a higher rank. */
function follows({ timeout_ms, rank, seq }: NewRow, { timeoutMs, segments }: PackHead): boolean {
  const { last } = segments;
  return last !== null && timeout_ms === timeoutMs && rank >= last[3] + last[0] && seq >= last[2] + last[0];
}

function newPack(step: Step, rows: readonly NewRow[]): void {
  const [first] = rows;
  if (first === undefined) throw new Error("a pack has jobs");
  const empty: PackHead = {
    pack: first.seq,
    slot: first.slot,
    queue: first.queue,
    partition: first.partition,
    priority: first.priority,
    timeoutMs: first.timeout_ms,
    n: 0,
    bytes: 0,
    minId: first.id,
    maxId: first.id,
    segments: Segments.none,
    spec: rows.every(({ spec }) => spec === first.spec) ? first.spec : null,
    gone: NO_PLACES,
    next: 0,
    slices: NO_SLICES,
    waiting: 0,
    running: 0,
    done: 0,
    mixedSince: null,
    lastDoneAt: null,
    logged: false,
  };
  step.get(PACKS).accept(withRows(empty, rows), rows);
}

function withRows(head: PackHead, rows: readonly NewRow[]): PackHead {
  const segments: [number, number, number, number][] = [...head.segments].map(([...segment]) => segment);
  let { minId, maxId, bytes } = head;
  for (const { id, seq, rank, created_at: createdAt, payload } of rows) {
    if (id < minId) minId = id;
    if (id > maxId) maxId = id;
    bytes += PACKED_BYTES + utf8Bytes(payload);
    const last = segments.at(-1);
    const goesOn =
      last !== undefined && last[1] === createdAt && last[2] + last[0] === seq && last[3] + last[0] === rank;
    if (goesOn) last[0] += 1;
    else segments.push([1, createdAt, seq, rank]);
  }
  return {
    ...head,
    n: head.n + rows.length,
    waiting: head.waiting + rows.length,
    bytes,
    minId,
    maxId,
    segments: new Segments(segments),
  };
}
