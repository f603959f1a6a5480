/** What replies that tell of finished jobs say beside it. A shard of an earlier version says none of it. */
export interface Told {
  /**
   * The newest number in the shard's log of finished jobs when it answered, 0 before the first: history knows whatever
   * the reply knew of finished and deleted jobs once its cursor for the shard is as far.
   */
  seq?: number;
  /** Of a job that is not here: D1's bookmark of the write with which history got all that has left the shard. A hint. */
  bookmark?: string;
}
