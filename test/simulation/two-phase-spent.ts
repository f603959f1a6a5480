import { isOver } from "../../domain/two-phase.ts";
import { type Packet, packetOf } from "./two-phase-packets.ts";
import type { World } from "./two-phase-world.ts";

/**
 * The packets of `world` that may still change anything. One that is spent is as good as lost: delivering it, now or
 * whenever, leaves everything as it is, or only sends another that is spent. So leaving spent ones out loses no world,
 * but for what is on the network (a test compares). It holds for the protocol as it is, and for worlds whose last moment
 * is not the one in which decisions are forgotten: what is forgotten could be learnt again. `moving`: a slot may still
 * move, and bring something prepared to a participant that has heard the outcome for its other slots.
 */
export function unspent(world: World, moving: boolean): number[] {
  const left = world.net.filter((number) => !isSpent(world, moving, packetOf(number)));
  return left.length === world.net.length ? world.net : left;
}

function isSpent(world: World, moving: boolean, packet: Packet): boolean {
  switch (packet.type) {
    case "voted":
    case "done":
    case "moved":
      return isSpentAnswer(world, packet);
    case "prepare":
    case "commit":
    case "abort":
      return isSpentRequest(world, moving, packet);
    // Who has heard the outcome does not ask again, and goes by no second answer.
    case "asked":
      return !moving && hasHeard(world, packet.from, packet.txn);
    case "told":
      return packet.outcome === "undecided" || (!moving && hasHeard(world, packet.to, packet.txn));
  }
}

type Answer = { type: "voted"; yes: boolean } | { type: "done" } | { type: "moved" };

function isSpentAnswer(world: World, packet: Answer & { txn: string; from: string; round: number }): boolean {
  const { live = null, stored = null } = world.seats[packet.txn] ?? {};
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
function isSpentRequest(world: World, moving: boolean, { type, txn, to, round, slots }: Request): boolean {
  const answer = { txn, from: to, round };
  // A slot moves once, so it does not come back.
  if (slots.some((slot) => world.owner[slot] !== to)) return isSpentAnswer(world, { type: "moved", ...answer });
  if (moving) return false;
  if (type !== "prepare") return hasHeard(world, to, txn) && isSpentAnswer(world, { type: "done", ...answer });
  // Nothing is left to prepare, and it can only vote.
  const holds = (world.held[to]?.[txn] ?? null) !== null;
  const missing = !hasHeard(world, to, txn) && slots.some((slot) => world.shares[slot]?.[txn] === undefined);
  return holds && !missing && [true, false].every((yes) => isSpentAnswer(world, { type: "voted", yes, ...answer }));
}

function hasHeard(world: World, name: string, txn: string): boolean {
  const held = world.held[name]?.[txn] ?? null;
  return held !== null && held.phase !== "prepared";
}
