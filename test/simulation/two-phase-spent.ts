import { isOver } from "../../domain/two-phase.ts";
import { type Packet, packetOf } from "./two-phase-packets.ts";
import type { TwoPhaseSystem } from "./two-phase-system.ts";

/**
 * The packets of `system` that may still change anything. One that is spent is as good as lost: delivering it, now or
 * whenever, leaves everything as it is, or only sends another that is spent. So leaving spent ones out loses no system,
 * but for what is on the network (a test compares). It holds for the protocol as it is, and for systems whose last
 * moment is not the one in which decisions are forgotten: what is forgotten could be learnt again. `moving`: a slot may
 * still move, and bring something prepared to a participant that has heard the outcome for its other slots.
 */
export function unspent(system: TwoPhaseSystem, moving: boolean): number[] {
  const left = system.net.filter((number) => !isSpent(system, moving, packetOf(number)));
  return left.length === system.net.length ? system.net : left;
}

function isSpent(system: TwoPhaseSystem, moving: boolean, packet: Packet): boolean {
  switch (packet.type) {
    case "voted":
    case "done":
    case "moved":
      return isSpentAnswer(system, packet);
    case "prepare":
    case "commit":
    case "abort":
      return isSpentRequest(system, moving, packet);
    // Who has heard the outcome does not ask again, and goes by no second answer.
    case "asked":
      return !moving && hasHeard(system, packet.from, packet.txn);
    case "answered":
      return packet.outcome === "undecided" || (!moving && hasHeard(system, packet.to, packet.txn));
  }
}

type Answer = { type: "voted"; yes: boolean } | { type: "done" } | { type: "moved" };

function isSpentAnswer(system: TwoPhaseSystem, packet: Answer & { txn: string; from: string; round: number }): boolean {
  const { live = null, stored = null } = system.seats[packet.txn] ?? {};
  const written = live ?? stored;
  // It died before its first write, or has forgotten: it never lives again.
  if (written === null || isOver(written.state)) return true;
  const member = written.state.members[packet.from];
  // Rounds are written before they are told of, and only grow.
  if (member?.round !== packet.round) return true;
  if (packet.type === "moved") return false;
  // A commit or an abort was told, so that is what was written.
  if (packet.type === "done") return false;
  // What recovers undecided aborts, and a vote stands.
  if (live?.state.phase !== "preparing") return true;
  return member.answer === "no" || (packet.yes && member.answer === "yes");
}

type Request = Extract<Packet, { type: "prepare" | "commit" | "abort" }>;

/** A request whose only effect is an answer that is spent. */
function isSpentRequest(system: TwoPhaseSystem, moving: boolean, { type, txn, to, round, slots }: Request): boolean {
  const answer = { txn, from: to, round };
  // A slot moves once, so it does not come back.
  if (slots.some((slot) => system.owner[slot] !== to)) return isSpentAnswer(system, { type: "moved", ...answer });
  if (moving) return false;
  if (type !== "prepare") return hasHeard(system, to, txn) && isSpentAnswer(system, { type: "done", ...answer });
  // Nothing is left to prepare, and it can only vote.
  const holds = (system.prepared[to]?.[txn] ?? null) !== null;
  const missing = !hasHeard(system, to, txn) && slots.some((slot) => system.shares[slot]?.[txn] === undefined);
  return holds && !missing && [true, false].every((yes) => isSpentAnswer(system, { type: "voted", yes, ...answer }));
}

function hasHeard(system: TwoPhaseSystem, name: string, txn: string): boolean {
  const prepared = system.prepared[name]?.[txn] ?? null;
  return prepared !== null && prepared.phase !== "prepared";
}
