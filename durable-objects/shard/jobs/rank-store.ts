import { Part } from "../kernel/part.ts";
import type { JobHead } from "./job-row.ts";

/** The statement that moves a job in its line. */
export const RANKS = new Part("ranks of jobs", ({ sql }) => ({
  /** 1 row, +1 where it is ready, +1 where it has a concurrency key. */
  save({ id, priority, rank }: Pick<JobHead, "id" | "priority" | "rank">): void {
    sql.run("UPDATE jobs SET priority = ?, rank = ? WHERE id = ?", priority, rank, id);
  },
}));
