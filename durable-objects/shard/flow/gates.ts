import { type GateMoves, rebalance } from "../../../domain/gate.ts";
import { limitsKeys } from "../../../domain/queue.ts";
import { type RateLog, rateOpensAt, rateRoom, recent, withStarts } from "../../../domain/rate.ts";
import { countMove, type Standing } from "../jobs/counts.ts";
import type { JobChange } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import type { Step } from "../kernel/step.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { EACH_GATE, FLOW, type Gate, type GateKey } from "./flow-store.ts";

/** Jobs of one key that stand open at most, and that one step moves at most: others follow as these start. */
const MAX_OPEN = 200;

/** The gates that a step has to rebalance. */
class TouchedGates {
  readonly #gates = new Map<string, GateKey & { starts: number }>();
  /** New jobs of these keys that may still go straight through their gates. */
  readonly roomForNew = new Map<string, number>();

  add(gateKey: GateKey, starts: number): void {
    const id = EACH_GATE.keyOf(gateKey);
    const gate = this.#gates.get(id) ?? { ...gateKey, starts: 0 };
    gate.starts += starts;
    this.#gates.set(id, gate);
  }

  take(): (GateKey & { starts: number })[] {
    const touched = [...this.#gates.values()];
    this.#gates.clear();
    return touched;
  }
}

const TOUCHED = {};

function touchedBy(step: Step): TouchedGates {
  return step.scratch(TOUCHED, () => {
    const touched = new TouchedGates();
    step.beforeRecords(() => {
      for (const { starts, ...gateKey } of touched.take()) rebalanceGate(step, gateKey, starts);
    });
    return touched;
  });
}

/** Jobs of a concurrency key have changed, and `starts` of them were started: its gate is rebalanced before the step ends. */
export function touchGate(step: Step, gateKey: GateKey, starts: number): void {
  touchedBy(step).add(gateKey, starts);
}

/** Every change of a job with a concurrency key touches the gate of the key. */
export function touchGates(step: Step, { event, queue, jobs }: JobChange): void {
  for (const { slot, concurrency_key: key } of jobs) {
    if (key !== null) touchGate(step, { slot, queue, key }, event === "claim" ? 1 : 0);
  }
}

/**
 * The bit of the gate for a new job: one that finds room goes through as it comes, which spares it being written twice.
 */
export function gateBitOfNew(step: Step, { settings }: KnownQueue, gateKey: GateKey): number {
  if (!limitsKeys(settings)) return 0;
  const { roomForNew } = touchedBy(step);
  const room = roomForNew.get(EACH_GATE.keyOf(gateKey)) ?? roomOf(step, gateKey);
  roomForNew.set(EACH_GATE.keyOf(gateKey), room - 1);
  return room > 0 ? 0 : BLOCKS.gate;
}

/** How many new jobs of a limited key may go straight through its gate: none while others wait at it. */
function roomOf(step: Step, gateKey: GateKey): number {
  const { queue: ref, key } = gateKey;
  const flow = step.get(FLOW);
  if (flow.waitingAtGate(ref, key, 1).length > 0) return 0;
  const queue = step.get(QUEUES).get(ref);
  const log = logAfter(queue, flow.gate(gateKey).log, { starts: 0, now: step.now });
  const room = roomAtGate(step, queue, { key, log });
  return room - flow.openOfGate(ref, key, room).length;
}

/**
 * Brings the gate of a concurrency key in line with its limits. Jobs that still wait then are waiting for a job of the key
 * that runs or stands open, or for the time written down. `starts` are the jobs of the key that this step started.
 */
function rebalanceGate(step: Step, gateKey: GateKey, starts: number): void {
  const flow = step.get(FLOW);
  const { queue: ref, key } = gateKey;
  const queue = step.get(QUEUES).get(ref);
  const before = flow.gate(gateKey);
  if (!limitsKeys(queue.settings)) {
    save(step, gateKey, { before, after: openAll(step, gateKey) });
    return;
  }
  const log = logAfter(queue, before.log, { starts, now: step.now });
  const room = roomAtGate(step, queue, { key, log });
  // The worst first: where a limit is new, more stand open than one step looks at.
  const open = flow.openOfGate(ref, key, room + MAX_OPEN);
  const waiting = flow.waitingAtGate(ref, key, room + 1);
  const moves = rebalance(room, open, waiting);
  move(step, ref, moves);
  const more = waiting.length > moves.open.length || moves.gated.length > 0;
  const lookAt = open.length === room + MAX_OPEN ? step.now + 1 : lookAtNext(queue, { log, room, more, now: step.now });
  save(step, gateKey, { before, after: { log, lookAt } });
}

/** Nothing limits the keys any more: all that wait go through, some at a time. */
function openAll(step: Step, { queue, key }: GateKey): Gate {
  const waiting = step.get(FLOW).waitingAtGate(queue, key, MAX_OPEN);
  move(step, queue, { open: waiting.map(({ id }) => id), gated: [] });
  return { log: [], lookAt: waiting.length === MAX_OPEN ? step.now + 1 : null };
}

function move(step: Step, queue: number, { open, gated }: GateMoves): void {
  moveThroughGate(step, queue, open);
  sendToGate(step, queue, gated);
}

/** Jobs that stood at the gate of their key alone may be claimed from now on. */
function moveThroughGate(step: Step, queue: number, ids: string[]): void {
  setGate(step, queue, { ids, gated: false, before: "blocked", after: "ready" });
}

/** Jobs that stood open wait at the gate of their key from now on. */
export function sendToGate(step: Step, queue: number, ids: string[]): void {
  setGate(step, queue, { ids, gated: true, before: "ready", after: "blocked" });
}

function setGate(
  step: Step,
  queue: number,
  { ids, gated, ...standing }: { ids: string[]; gated: boolean; before: Standing; after: Standing },
): void {
  if (ids.length === 0) return;
  for (const job of step.get(FLOW).setGate(ids, gated)) countMove(step, { ...job, queue, ...standing });
}

function save(step: Step, gateKey: GateKey, { before, after }: { before: Gate; after: Gate }): void {
  if (JSON.stringify(after) !== JSON.stringify(before)) step.get(FLOW).saveGate(gateKey, after);
  step.wakeAt(after.lookAt);
}

/** The jobs of a key that may stand open: those that its limits would let a claim start. */
function roomAtGate(step: Step, { ref, settings }: KnownQueue, { key, log }: { key: string; log: RateLog }): number {
  const { perKeyConcurrency, perKeyRate } = settings;
  const places = perKeyConcurrency === null ? MAX_OPEN : perKeyConcurrency - step.get(FLOW).runningOfKey(ref, key);
  const starts = perKeyRate === null ? MAX_OPEN : rateRoom(log, perKeyRate, step.now);
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
