import type { Lane } from "../../domain/queue.ts";
import type { Connections } from "./connections.ts";
import type { Memory } from "./memory.ts";

/** What a loop of an executor goes by. */
export interface WorkLoopOptions {
  lane: Lane;
  /** Names the invocation in a job's attempts. */
  worker: string;
  /** Claims go on for this long, unless the shard runs dry first. Jobs in hand are finished, if it is before `endsAt`. */
  budgetMs: number;
  /** When the invocation comes to its end, epoch milliseconds: what runs then is stopped, so that there is time to say so. */
  endsAt: number;
  /** While jobs are in hand, look for more this often at least, even if none finishes. 0: less and less often (another bell brings another loop). */
  pollMs: number;
  /**
   * A loop that has run jobs and finds no more waits at the shard, this long at most at a time: how long is the shard's to say. 0 or
   * left out: never.
   */
  waitMs?: number;
  /** Shared by the loops of one invocation. */
  connections: Connections;
  /** Shared by all loops of the isolate. Left out: the loop has one of its own. */
  memory?: Memory;
}

export interface WorkLoop {
  /** Resolves when the loop holds nothing any more. Never rejects. */
  done: Promise<void>;
  /** False once it will claim no more. */
  claiming(): boolean;
  /** Looks for more now, whatever it waits for. Resolves to whether something came, which it has not when the loop is over. */
  look?(): Promise<boolean>;
  /** Whether it has had any job. */
  worked?(): boolean;
}
