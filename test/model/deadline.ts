/** When the shard has to act though nobody calls: its alarm may not be set for later. */
import type { ModelQueue } from "./job.ts";
import { isHead, keyRoom, places, rateOf, ready } from "./line.ts";
import type { Model } from "./model.ts";

/** The soonest moment at which the clock changes what a caller would see; null: never. */
export function mustWakeAt(model: Model): number | null {
  const rates = model.queues.flatMap((queue) => [...queueOpens(model, queue), ...keysOpen(model, queue)]);
  const times = [model.soonest(), ...rates.filter((at) => at > model.now)].filter((at) => at !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** When the rate of the queue lets a ready job start. */
function queueOpens(model: Model, queue: ModelQueue): number[] {
  if (queue.settings.paused) return [];
  return ready(model, queue).flatMap(({ partition }) => {
    const rate = rateOf(queue, partition);
    if (rate === null || places(model, queue, partition) <= 0) return [];
    return queue.starts.get(partition)?.opensAt(rate, model.now) ?? [];
  });
}

/** When the rate of a concurrency key, and nothing else, lets another of its jobs through. */
function keysOpen(model: Model, queue: ModelQueue): number[] {
  const { perKeyRate, perKeyConcurrency } = queue.settings;
  if (perKeyRate === null || perKeyConcurrency !== null) return [];
  const waiting = model.jobs.filter((job) => job.queue === queue && isHead(model, job));
  const keys = new Set(waiting.map(({ concurrencyKey }) => concurrencyKey).filter((key) => key !== null));
  const gated = [...keys].filter((key) => keyRoom(model, queue, key) === 0);
  return gated.flatMap((key) => queue.keyStarts.get(key)?.opensAt(perKeyRate, model.now) ?? []);
}
