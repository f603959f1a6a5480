/**
 * The gate of a concurrency key. As many of its jobs as may run stand open (they run, or a claim may take them), the
 * others wait at the gate. So a claim never reads past a million jobs whose key is full.
 */

/** A queued job of a concurrency key, on either side of the key's gate. The lower `rank` goes first. */
export interface AtGate {
  id: string;
  rank: number;
}

/** Who changes sides: the ids of those that go through the gate, and of those that go back behind it. */
export interface GateMoves {
  open: string[];
  gated: string[];
}

/**
 * Who goes through the gate and who goes back, so that of the queued jobs the best `room` stand open, and no others.
 * `open` are those through the gate, worst first, and `waiting` those at it, best first; the caller may cut either
 * short once it has more than `room` of them.
 */
export function rebalance(room: number, open: AtGate[], waiting: AtGate[]): GateMoves {
  const best = [...open, ...waiting].sort(inLine).slice(0, Math.max(0, room));
  const chosen = new Set(best.map(({ id }) => id));
  return {
    open: waiting.filter(({ id }) => chosen.has(id)).map(({ id }) => id),
    gated: open.filter(({ id }) => !chosen.has(id)).map(({ id }) => id),
  };
}

/** The order in which a claim takes jobs: of two with the same rank the lower id first. */
function inLine(a: AtGate, b: AtGate): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : 1);
}
