import {
  createExecutionContext,
  createScheduledController,
  runDurableObjectAlarm,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import gateway from "../limits/gateway.ts";
import { shards } from "./api.ts";

/** Time in tests: the clock of Workers and objects alike goes on, from a point that tests may move. */

const real = Date.now;
let offset = 0;

/** Moves the clock by `ms`. Alarms of the platform keep its own time: `runAlarms` stands for them. */
export function passTime(ms: number): void {
  offset += ms;
  vi.spyOn(Date, "now").mockImplementation(() => real() + offset);
}

/** Stops the clock at the beginning of the next minute, so that no window of a count turns meanwhile. */
export function stopClock(): void {
  const at = Math.ceil(Date.now() / 60_000) * 60_000;
  vi.spyOn(Date, "now").mockReturnValue(at);
}

/** Back to the true time; for `afterEach`. */
export function resetClock(): void {
  offset = 0;
  vi.restoreAllMocks();
}

/** Fires the alarm of every shard that has one, once. Answers how many had. */
export async function runAlarms(): Promise<number> {
  const ran = await Promise.all(shards().map(({ stub }) => runDurableObjectAlarm(stub)));
  return ran.filter(Boolean).length;
}

/** One run of the cron trigger, to its end. */
export async function runCron(bindings: Env = env): Promise<void> {
  const context = createExecutionContext();
  await gateway.scheduled?.(createScheduledController({ cron: "* * * * *" }), bindings, context);
  await waitOnExecutionContext(context);
}
