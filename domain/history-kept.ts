/**
 * Which of a queue's finished jobs go to history. `failed`: those that failed or were cancelled, because they can come back in
 * line and somebody may ask why. `none`: no job does; its shard keeps it for a while.
 */
export const HISTORIES = ["all", "failed", "none"] as const;
export type HistoryKept = (typeof HISTORIES)[number];

/** Whether a job of the queue that ends goes to history. */
export function goesToHistory({ history = "all" }: { history?: HistoryKept }, succeeded: boolean): boolean {
  return history === "all" || (history === "failed" && !succeeded);
}
