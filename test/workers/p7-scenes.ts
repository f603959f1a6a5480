import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Rules } from "../consistency/machine.ts";
import { Recorder } from "../consistency/recorder.ts";
import gateway from "../limits/gateway.ts";
import { Random } from "../simulation/random.ts";
import { answerOf, evict, newQueue, request, sleep } from "./api.ts";
import { passTime, runAlarms } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { type Act, Client, type Shared } from "./p7-clients.ts";
import { HOUR_MS, ReaderRig } from "./readers.ts";

/** Dozens of clients at a few jobs, and what is done to the objects and copies meanwhile. */

export const RULES: Rules = { maxAttempts: 2, backoff: false };
export const JOBS = 8;
const CLIENTS = 24;
const ISOLATES = 3;
const OPERATIONS = "/v1/operations";
/** Leases outlast all the time that passes. */
const SETTINGS = { timeout: 86_400, retry: { maxAttempts: RULES.maxAttempts, delay: 0 }, partitions: 64 };

export const read: Act = (client) => client.read();
export const list: Act = (client) => client.list();
const submit: Act = (client) => client.submit();
const cancel: Act = (client) => client.cancel();
const retry: Act = (client) => client.retry();
const claim: Act = (client) => client.claim();
const report: Act = (client) => client.report();
const remove: Act = (client) => client.remove();
const YOUNG = [
  submit,
  submit,
  read,
  read,
  read,
  read,
  claim,
  claim,
  claim,
  report,
  report,
  report,
  cancel,
  retry,
  list,
];
const OLD = [read, read, read, read, read, read, claim, report, report, cancel, retry, remove, list, list];

/** A queue of its own, its jobs' keys, and gateway isolates whose caches know nothing of each other. */
async function scene(seed: number, bindings: Env, driving: Promise<unknown>[] = []): Promise<Shared> {
  const random = new Random(seed);
  const isolates = Array.from({ length: ISOLATES }, () => ({ ...bindings }));
  return {
    recorder: new Recorder(),
    queue: await newQueue(SETTINGS),
    keys: Array.from({ length: JOBS }, (_, i) => `job-${seed}-${i}`),
    random,
    ids: new Map(),
    leases: [],
    removals: 6,
    send: async (method, path, options) => {
      const at = random.pick(isolates);
      if (path !== OPERATIONS) return callThrough(at, [method, path], options);
      // The gateway goes on driving an operation for long after its answer.
      const context = createExecutionContext();
      const answer = await gateway.fetch(request(method, path, options), at, context);
      driving.push(waitOnExecutionContext(context));
      return answerOf(answer);
    },
  };
}

export interface Disturbance {
  everyMs: number;
  act: () => Promise<unknown>;
}

/** Clients without sessions, which therefore read strongly. */
export async function strongStory(seed: number, disturbance: Disturbance): Promise<Shared> {
  const shared = await scene(seed, env);
  const clients = Array.from({ length: CLIENTS }, () => new Client(shared, null).go(14, YOUNG));
  await disturbed(Promise.all(clients), disturbance);
  // Everything that was answered is on disk.
  await evict();
  await Promise.all(Array.from({ length: JOBS }, () => new Client(shared, null).go(2, [read, list])));
  return shared;
}

/**
 * Sessions that read at both levels, over a history whose replica lags: while jobs are young; when copies answer for them;
 * and when they have left their shards.
 */
export async function sessionStory(seed: number): Promise<{ shared: Shared; rig: ReaderRig }> {
  const rig = await ReaderRig.make();
  const driving: Promise<unknown>[] = [];
  const shared = await scene(seed, rig.bindings, driving);
  const sessions = Array.from({ length: CLIENTS }, (_, i) => new Client(shared, `session-${i}`));
  const lagging = [evict, () => rig.project(), () => rig.d1.replicate(1)];
  const storm = (steps: number, acts: Act[]) => {
    const all = Promise.all(sessions.map((client) => client.go(steps, acts)));
    return disturbed(all, { everyMs: 20, act: () => shared.random.pick(lagging)() });
  };
  await storm(10, YOUNG);
  passTime(61_000);
  await rig.level();
  await storm(8, OLD);
  await rig.project();
  passTime(HOUR_MS + 1000);
  for (let i = 0; i < 3; i++) await runAlarms();
  await storm(8, OLD);
  await Promise.all(driving);
  return { shared, rig };
}

/** Does `act` again and again until `work` is done. */
async function disturbed(work: Promise<unknown>, { everyMs, act }: Disturbance): Promise<void> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([done, sleep(everyMs)]);
    if (!over) await act();
  }
  await done;
}
