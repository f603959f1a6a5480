import { type GateMoves, settleGate } from "../../../domain/gate.ts";
import { limitsKeys } from "../../../domain/queue.ts";
import { type RateLog, rateOpensAt, rateRoom, recent, withStarts } from "../../../domain/rate.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import type { Turn } from "../turn.ts";
import type { Gate, GateKey } from "./flow-store.ts";

/** Jobs of one key that stand open at most, and that one step moves at most: others follow as these start. */
const MAX_OPEN = 200;

/**
 * Brings the gate of a concurrency key in line with its limits, at the end of every step that touched one of its jobs.
 * Jobs that still wait then are waiting for a job of the key that runs or stands open, or for the time written down.
 * `starts` are the jobs of the key that this step started.
 */
export function settle(turn: Turn, gateKey: GateKey, starts: number): void {
  const { flow, queues } = turn.stores;
  const { queue: ref, key } = gateKey;
  const queue = queues.get(ref);
  const before = flow.gate(ref, key);
  if (!limitsKeys(queue.settings)) {
    save(turn, gateKey, { before, after: openAll(turn, gateKey) });
    return;
  }
  const log = logAfter(queue, before.log, { starts, now: turn.now });
  const room = roomAtGate(turn, queue, { key, log });
  // The worst first: where a limit is new, more stand open than one step looks at.
  const open = flow.openOfGate(ref, key, room + MAX_OPEN);
  const waiting = flow.waitingAtGate(ref, key, room + 1);
  const moves = settleGate(room, open, waiting);
  move(turn, ref, moves);
  const more = waiting.length > moves.open.length || moves.shut.length > 0;
  const lookAt = open.length === room + MAX_OPEN ? turn.now + 1 : lookAtNext(queue, { log, room, more, now: turn.now });
  save(turn, gateKey, { before, after: { log, lookAt } });
}

/** How many new jobs of a limited key may go straight through its gate: none while others wait at it. */
export function roomForNew(turn: Turn, { queue: ref, key }: GateKey): number {
  const { flow, queues } = turn.stores;
  if (flow.waitingAtGate(ref, key, 1).length > 0) return 0;
  const queue = queues.get(ref);
  const log = logAfter(queue, flow.gate(ref, key).log, { starts: 0, now: turn.now });
  const room = roomAtGate(turn, queue, { key, log });
  return room - flow.openOfGate(ref, key, room).length;
}

/** Nothing limits the keys any more: all that wait go through, some at a time. */
function openAll(turn: Turn, { queue, key }: GateKey): Gate {
  const waiting = turn.stores.flow.waitingAtGate(queue, key, MAX_OPEN);
  move(turn, queue, { open: waiting.map(({ id }) => id), shut: [] });
  return { log: [], lookAt: waiting.length === MAX_OPEN ? turn.now + 1 : null };
}

function move(turn: Turn, queue: number, { open, shut }: GateMoves): void {
  const { flow } = turn.stores;
  if (open.length > 0) flow.setGate(open, false);
  if (shut.length > 0) flow.setGate(shut, true);
  for (const _ of open) turn.moved(queue, "blocked", "ready");
  for (const _ of shut) turn.moved(queue, "ready", "blocked");
}

function save(turn: Turn, gateKey: GateKey, { before, after }: { before: Gate; after: Gate }): void {
  if (JSON.stringify(after) !== JSON.stringify(before)) turn.stores.flow.saveGate(gateKey, after);
  turn.wake(after.lookAt);
}

/** The jobs of a key that may stand open: those that its limits would let a claim start. */
function roomAtGate(turn: Turn, { ref, settings }: KnownQueue, { key, log }: { key: string; log: RateLog }): number {
  const { perKeyConcurrency, perKeyRate } = settings;
  const places = perKeyConcurrency === null ? MAX_OPEN : perKeyConcurrency - turn.stores.flow.runningOfKey(ref, key);
  const starts = perKeyRate === null ? MAX_OPEN : rateRoom(log, perKeyRate, turn.now);
  return Math.max(0, Math.min(MAX_OPEN, places, starts));
}

function logAfter({ settings }: KnownQueue, log: RateLog, started: { starts: number; now: number }): RateLog {
  const { perKeyRate } = settings;
  if (perKeyRate === null) return [];
  return started.starts > 0 ? withStarts(log, perKeyRate, started) : recent(log, perKeyRate, started.now);
}

/** When the rate lets the next one through, or when its starts can be forgotten; null when the clock changes nothing. */
function lookAtNext(
  { settings }: KnownQueue,
  { log, room, more, now }: { log: RateLog; room: number; more: boolean; now: number },
): number | null {
  const { perKeyRate } = settings;
  const [first, last] = [log.at(0), log.at(-1)];
  if (perKeyRate === null || first === undefined || last === undefined) return null;
  const opensAt = rateOpensAt(log, perKeyRate, now);
  if (more && opensAt > now) return opensAt;
  // Some have come through and wait for a claim: where the rate holds the others, the next start to be over makes room.
  const next = more && rateRoom(log, perKeyRate, now) === room ? first : last;
  return next[0] + perKeyRate.periodMs + 1;
}
