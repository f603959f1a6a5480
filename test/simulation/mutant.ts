import type { Packing } from "../../durable-objects/shard/jobs/packs/packing.ts";
import type { ShardPorts } from "../../durable-objects/shard/shard-core.ts";
import type { WorkPorts } from "../../workers/processor/work-ports.ts";
import type { RigCore } from "../rigs/rig-core.ts";
import type { ShardHost } from "./shard-host.ts";

/**
 * One protective measure taken away, to see that the simulation notices. Production code stays as it is: a
 * mutant changes what the code says to SQLite, what it hears of the world, or a method of the object.
 */
export interface Mutant {
  name: string;
  /** Which jobs are packed; none where it is left out, so that what is said of rows is said of all jobs. */
  packing?: Packing;
  /** Rewrites a statement on its way to SQLite. */
  sql?(query: string): string;
  core?(original: typeof RigCore): typeof RigCore;
  ports?(ports: ShardPorts, host: ShardHost): ShardPorts;
  /** Rewrites a statement on its way to D1. */
  historySql?(query: string): string;
  executor?(ports: WorkPorts): WorkPorts;
  /** A page that fails half way leaves its cursor behind. */
  tornPages?: true;
  /**
   * What a crash leaves: half of the step's statements, as without a transaction; or nothing though the caller
   * was answered, as without waiting for the commit.
   */
  crash?: "keeps-half" | "answers-first";
}

/** The code as it is. */
export const NONE: Mutant = { name: "none" };

/**
 * `applied` grows whenever a mutant really took something away: one that no longer fits the code fails its test instead of
 * passing for nothing.
 */
export interface TrackedMutant extends Mutant {
  applied: number;
}

export const track = (name: string, make: (hit: () => void) => Omit<Mutant, "name">): TrackedMutant => {
  const mutant: TrackedMutant = { name, applied: 0 };
  return Object.assign(
    mutant,
    make(() => {
      mutant.applied += 1;
    }),
  );
};

interface Change {
  marks: string[];
  from: string | RegExp;
  to: string;
}

/** A mutant of one statement: where `marks` all stand in its text, `from` becomes `to`. */
export function statement(name: string, change: Change): TrackedMutant {
  return track(name, (hit) => ({ sql: rewriter(change, hit) }));
}

export function rewriter({ marks, from, to }: Change, hit: () => void) {
  return (query: string) => {
    const text = query.replace(/\s+/g, " ");
    const changed = text.replaceAll(from, to);
    if (!marks.every((mark) => text.includes(mark)) || changed === text) return query;
    hit();
    return changed;
  };
}
