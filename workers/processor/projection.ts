import { type FinishedReply, RPC_VERSION, type ShardApi } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import { MAX_PAUSE_MS } from "../../domain/projection-pace.ts";
import { isDatabaseFull } from "../db/database-size.ts";
import type { Finished, Position, ProjectionStore } from "../db/projection.ts";
import type { FewAtOnce } from "./few-at-once.ts";

/** Jobs that the shard gives at once: while it makes a page of them it does nothing else. */
const PAGE_JOBS = 100;
/** Pages of the shard that are written together: each write has rows of its own beside those of its jobs. */
const PAGES_A_WRITE = 5;
/** Bytes of one write, about: the largest pages are written alone. */
const WRITE_CHARACTERS = 4 * 1024 * 1024;
/** An invocation ends some time even when its shard finishes jobs faster than it copies them: others wait their turn. */
const MAX_WRITES = 50;

export interface ProjectionPorts {
  shard: Pick<ShardApi, "finished" | "projected">;
  db: ProjectionStore;
  /** Epoch ms. */
  now(): number;
  sleep(ms: number): Promise<void>;
  log(event: ProjectionEvent): void;
}

export type ProjectionEvent =
  | { event: "projection-failed"; error: string }
  /** The database has no room: the shard keeps its finished jobs, and history lacks them. */
  | { event: "history-full"; error: string };

/**
 * The same with calls that wait for their turn among those of other projections. What history has is told to the shard at once: until it
 * hears of it, both count it.
 */
export function takingTurns(
  { shard, db }: Pick<ProjectionPorts, "shard" | "db">,
  few: FewAtOnce,
): Pick<ProjectionPorts, "shard" | "db"> {
  return {
    shard: {
      finished: (request) => few.run(() => shard.finished(request)),
      projected: (request) => shard.projected(request),
    },
    db: {
      position: (of) => few.run(() => db.position(of)),
      write: (of, finished) => few.run(() => db.write(of, finished)),
    },
  };
}

const CALL = { v: RPC_VERSION, epoch: 0 };

/**
 * Copies `shard`'s finished jobs to history, from history's own position on, and tells the shard how far history is.
 * Jobs and position are written together, so a run that stops anywhere is simply continued by the next, and of two runs at
 * once one goes on where the other is. Never rejects: the shard rings again for what is left. Where the database is full the
 * shard is told so, and keeps what it has.
 */
export async function runProjection(ports: ProjectionPorts, shard: string): Promise<void> {
  try {
    await copyFrom(ports, shard, await ports.db.position(shard));
  } catch (error) {
    ports.log({ event: "projection-failed", error: faultText(error) });
  }
}

async function copyFrom(ports: ProjectionPorts, shard: string, from: Position): Promise<void> {
  let at = from;
  for (let writes = 0; writes < MAX_WRITES; writes++) {
    const { finished, more } = await collect(ports, at);
    const isNew = finished.chunks.length + finished.pages.length > 0 || !isAt(finished.to, at);
    const written = isNew ? await writeOrFull(ports, shard, finished) : { at, bookmark: null };
    if (written === "full") {
      await ports.shard.projected({ ...CALL, cursor: at.cursor, bookmark: null, full: true });
      return;
    }
    // Also when there was nothing new: an earlier run may have stopped between the write and this.
    await ports.shard.projected({ ...CALL, cursor: written.at.cursor, bookmark: written.bookmark });
    if (!more || isAt(written.at, at)) return;
    at = written.at;
  }
}

async function writeOrFull(
  { db, log }: ProjectionPorts,
  shard: string,
  finished: Finished,
): Promise<Awaited<ReturnType<ProjectionStore["write"]>> | "full"> {
  try {
    return await db.write(shard, finished);
  } catch (error) {
    if (!isDatabaseFull(error)) throw error;
    log({ event: "history-full", error: faultText(error) });
    return "full";
  }
}

/** The next finished jobs of the shard, as many as are written at once. */
async function collect(
  { shard, now, sleep }: ProjectionPorts,
  from: Position,
): Promise<{ finished: Finished; more: boolean }> {
  const finished: Finished = { from, to: from, heardAt: null, chunks: [], pages: [], isRebuild: false };
  let more = true;
  let characters = 0;
  for (let pages = 0; more && pages < PAGES_A_WRITE && characters < WRITE_CHARACTERS; pages++) {
    const { to } = finished;
    const askedAt = now();
    const { result } = await shard.finished({
      ...CALL,
      after: to.cursor,
      skip: to.skip,
      limit: PAGE_JOBS,
      pages: true,
    });
    finished.chunks.push(...result.chunks);
    finished.pages.push(...(result.pages ?? []));
    finished.isRebuild ||= (result.projected ?? 0) > from.cursor;
    finished.to = { cursor: result.cursor, skip: result.skip };
    more = result.more && !isAt(finished.to, to);
    finished.heardAt = result.more ? null : askedAt;
    characters += charactersOf(result);
    const pauseMs = Math.min(MAX_PAUSE_MS, result.pauseMs ?? 0);
    if (more && pauseMs > 0) await sleep(pauseMs);
  }
  return { finished, more };
}

function charactersOf({ chunks, pages = [] }: FinishedReply): number {
  const texts = [...chunks, ...pages.flatMap(({ columns }) => Object.values(columns))];
  return texts.reduce((sum, { length }) => sum + length, 0);
}

function isAt(a: Position, b: Position): boolean {
  return a.cursor === b.cursor && a.skip === b.skip;
}
