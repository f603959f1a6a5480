import { isOver } from "../../domain/two-phase.ts";
import type { Batch, TwoPhaseSystem } from "./two-phase-system.ts";

/** A promise of atomic batches is broken. */
export class Violation extends Error {}

/** Throws when a promise is broken in `system`, whatever may still happen. */
export function checkSafety(system: TwoPhaseSystem, batches: readonly Batch[]): void {
  for (const { id, slots } of batches) {
    const shares = Object.keys(slots).map((slot) => system.shares[slot]?.[id] ?? "none");
    const applied = shares.some((share) => share === "applied" || share === "applied-twice");
    if (shares.includes("applied-twice")) throw new Violation(`${id} was carried out twice`);
    if (applied && shares.includes("released")) throw new Violation(`${id} is partial: ${shares.join()}`);
    const { answer } = system.seats[id] ?? { answer: null };
    if (answer === "refused" && applied) throw new Violation(`${id} was refused, and is carried out`);
    if (answer === "accepted" && shares.some((share) => share === "released" || share === "none"))
      throw new Violation(`${id} was accepted, and a part of it is not there: ${shares.join()}`);
    if (applied && shares.includes("none")) throw new Violation(`${id} is partial: a part was never prepared`);
  }
  for (const [slot, shares] of Object.entries(system.shares)) {
    const keys = batches
      .filter(({ id }) => shares[id]?.startsWith("applied"))
      .map((batch) => batch.slots[slot] ?? null);
    const used = keys.filter((key) => key !== null);
    if (new Set(used).size < used.length) throw new Violation(`one key of ${slot} belongs to two batches`);
  }
}

/** Throws unless all is decided and carried out. For systems whose faults have stopped long ago. */
export function checkEnd(system: TwoPhaseSystem, batches: readonly Batch[]): void {
  checkSafety(system, batches);
  for (const { id, slots } of batches) {
    const seat = system.seats[id];
    if (seat?.stored && !isOver(seat.stored.state)) throw new Violation(`${id} is ${seat.stored.state.phase} for ever`);
    const shares = Object.keys(slots).map((slot) => system.shares[slot]?.[id] ?? "none");
    if (shares.includes("prepared")) throw new Violation(`a part of ${id} is prepared for ever`);
    if (seat?.answer === "accepted" && shares.some((share) => share !== "applied"))
      throw new Violation(`${id} was accepted, and is not everywhere: ${shares.join()}`);
  }
  for (const [name, all] of Object.entries(system.prepared)) {
    const stuck = Object.entries(all).find(([, { phase }]) => phase === "prepared");
    if (stuck) throw new Violation(`${name} has ${stuck[0]} prepared for ever`);
  }
}
