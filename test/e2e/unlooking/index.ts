import { ShardClient } from "../../../workers/gateway/routing/shard-client.ts";

/** The gateway, in which who stands by never looks by itself: it has only what others tell it. */
export * from "../../../workers/gateway/index.ts";
export { default } from "../../../workers/gateway/index.ts";

/** Between the pauses of who stands by and the time of a whole wait. */
const LONGEST_LOOK_MS = 3_000;
const SHORTEST_LOOK_MS = 500;

const pause = ShardClient.prototype.pause;
ShardClient.prototype.pause = function (ms: number): Promise<void> {
  if (ms >= SHORTEST_LOOK_MS && ms < LONGEST_LOOK_MS) return new Promise(() => undefined);
  return Reflect.apply(pause, this, [ms]);
};
