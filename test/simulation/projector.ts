/** The real projector, on the simulation's shards and history database. */
import type { Doorbell } from "../../contract/doorbell.ts";
import { projectionStore } from "../../workers/db/projection.ts";
import { runProjection } from "../../workers/processor/projection.ts";
import { d1, type Gate } from "./d1-stand-in.ts";
import { SYNC_CODEC } from "./history-text.ts";
import type { Life } from "./life.ts";
import { checkLogged } from "./log-port.ts";
import type { Simulation } from "./simulation.ts";

const MAX_SLOW_MS = 30_000;

export async function hearHistory(sim: Simulation, life: Life, bells: Doorbell[]): Promise<void> {
  const shards = new Set(bells.map((bell) => bell.shard));
  const pageJobs = sim.random.pick([1, 3, 500]);
  const rewrite = sim.mutant.historySql ?? ((query: string) => query);
  const database = d1(sim.historyDb, gateOf(sim, life), rewrite);
  const db = projectionStore(sim.mutant.tornPages ? cursorFirst(database) : database, {
    now: () => sim.clock.now(),
    codec: SYNC_CODEC,
  });
  await Promise.all(
    [...shards].map((shard) =>
      runProjection(
        {
          db,
          now: () => sim.clock.now(),
          sleep: (ms) => sim.sleep(life, ms),
          shard: {
            finished: (request) => {
              if (sim.faults.hit("processor.die")) life.end();
              // Small pages, so that a history has several.
              return sim.network.call(life, shard, "finished", {
                ...request,
                limit: Math.min(request.limit, pageJobs),
              });
            },
            projected: (request) => sim.network.call(life, shard, "projected", request),
          },
          log: (event) => {
            checkLogged(sim, event);
            sim.trace.add(`${life.name} ${event.event} ${event.error}`);
          },
        },
        shard,
      ),
    ),
  );
}

/** D1 as it may be on a bad day: slow, failing, or done without saying so. */
function gateOf(sim: Simulation, life: Life): Gate {
  const { faults, random, clock, trace } = sim;
  const before = changes(sim);
  return <T>(work: () => T) =>
    life.wait<T>(({ resolve, reject }) => {
      const there = random.int(1, 15) + (faults.hit("d1.slow") ? random.int(100, MAX_SLOW_MS) : 0);
      clock.after(there, () => {
        if (faults.hit("d1.outage") || faults.hit("d1.fail")) return reject(new Error("D1_ERROR: failed before"));
        const done = tried(work);
        if (done instanceof Error) return reject(done);
        sim.checkCursors();
        trace.add(`${life.name} D1 ${changes(sim) - before} rows`);
        if (faults.hit("d1.reply-lost")) {
          sim.counters.count("history page written, answer lost");
          return reject(new Error("D1_ERROR: answer lost"));
        }
        clock.after(random.int(1, 15), () => resolve(done));
      });
    });
}

/** What a statement makes the whole batch fail with, as `EXPECT_POSITION` does, is told to whoever sent it. */
function tried<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function changes(sim: Simulation): number {
  return Number(sim.history.all("SELECT total_changes() AS n")[0]?.n);
}

/** For the mutant whose pages are torn: the cursor, and then the rows, each for itself. */
function cursorFirst(database: D1Database): D1Database {
  const torn: Pick<D1Database, "prepare" | "batch" | "withSession"> = {
    withSession: () => ({ ...torn, getBookmark: () => null }),
    prepare: (query) => database.prepare(query),
    batch: async <T>(statements: D1PreparedStatement[]) => {
      const cursor = await database.batch<T>(statements.slice(-1));
      return [...(await database.batch<T>(statements.slice(0, -1))), ...cursor];
    },
  };
  return torn as D1Database;
}
