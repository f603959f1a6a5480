/** What every answer of a shard has around it. */

/**
 * How far a shard's log of finished and deleted jobs was at the moment of its answer. It is what a reader needs to know
 * whether a copy of history is as new as the answer, whatever the answer was about.
 */
export interface LogPosition {
  /**
   * The newest number in the log, 0 before the first. History knows whatever the answer knew of finished and deleted jobs
   * once its cursor for the shard is as far.
   */
  seq: number;
  /**
   * Every job that has left the shard had come to its end by this number: a copy of history whose cursor for the shard is as
   * far has them all. 0 while none has left.
   */
  forgotten: number;
  /**
   * D1's bookmark of the write with which history got all that has left the shard. A hint, which dies with the object: null
   * when the shard does not know it.
   */
  bookmark: string | null;
}

/**
 * The answer of a shard to any call. `log` is taken in the same synchronous stretch in which `result` is made: a position of
 * later would claim more than the result knew.
 */
export interface Reply<R> {
  /** Null where the call has nothing to answer. */
  result: R;
  log: LogPosition;
}
