import {
  createExecutionContext,
  createScheduledController,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Shard } from "../../durable-objects/shard/shard.ts";
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

/** So often an alarm is run again that is due as soon as it has run: a fault that a test has planted may never end. */
const MOST_RUNS = 20;

/** The shards of this file that have been seen with an alarm: such a one leaves the next whenever one has run. */
const armed = new Set<string>();

/** So often, so many ms apart, an alarm is looked for that the runtime may have begun by itself: until that ends it names none. */
const LOOKS = { known: 300, new: 3 };
const LOOK_MS = 10;

/** Fires the alarm of every shard that has one, due or not, and again while more is due by now than one step may do. */
export async function runAlarms(): Promise<void> {
  await Promise.all(
    shards().map(async ({ id, stub }) => {
      for (let runs = 0; runs < MOST_RUNS; runs++) {
        if (await runDurableObjectAlarm(stub)) armed.add(id);
        const next = await nextAlarm(stub, armed.has(id) ? LOOKS.known : LOOKS.new);
        if (next !== null) armed.add(id);
        if (next === null || next > Date.now()) break;
      }
    }),
  );
}

/** What the alarm is set to, epoch ms; null when it is not at any of so many looks. */
async function nextAlarm(stub: DurableObjectStub<Shard>, looks: number): Promise<number | null> {
  for (let look = 1; ; look++) {
    const at = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
    if (at !== null || look === looks) return at;
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

/** One run of the cron trigger, to its end. */
export async function runCron(bindings: Env = env): Promise<void> {
  const context = createExecutionContext();
  await gateway.scheduled?.(createScheduledController({ cron: "* * * * *" }), bindings, context);
  await waitOnExecutionContext(context);
}
