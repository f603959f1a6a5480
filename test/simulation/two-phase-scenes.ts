import type { Scene } from "./two-phase-explore.ts";

const BATCH = { id: "t1", slots: { a: "k", b: null } };
export const TWO: Scene = {
  batches: [BATCH],
  participants: ["A", "B"],
  moves: [],
  unwilling: false,
  crashes: "none",
  moments: 2,
};
export const THREE: Scene = {
  ...TWO,
  batches: [{ id: "t1", slots: { a: null, b: null, c: null } }],
  participants: ["A", "B", "C"],
  moments: 1,
};
export const MOVING: Scene = { ...TWO, moves: [{ slot: "b", to: "A" }], moments: 1 };
/** Three batches that are in each other's way, over four participants between which two slots move. */
export const CROWD: Scene = {
  batches: [
    { id: "t1", slots: { a: "k", b: "l", c: null } },
    { id: "t2", slots: { a: "k", c: "m" } },
    { id: "t3", slots: { b: "l", c: "m", d: null } },
  ],
  participants: ["A", "B", "C", "D"],
  moves: [
    { slot: "b", to: "A" },
    { slot: "c", to: "D" },
  ],
  unwilling: true,
  crashes: "messages",
  moments: 3,
};
/** Two batches that bring the same two keys, and reach the shards in opposite orders. Only one of them can be accepted. */
export const RIVALS: Scene = {
  ...TWO,
  batches: [
    { id: "t1", slots: { a: "k", b: "l" } },
    { id: "t2", slots: { b: "l", a: "k" } },
  ],
  crashes: "messages",
  mirror: { t1: "t2", t2: "t1", A: "B", B: "A", a: "b", b: "a" },
  leaveOutSpent: true,
};
/** Two batches with one key between them, that meet on another slot as well, where both may have something. */
export const NEIGHBOURS: Scene = {
  ...TWO,
  batches: [
    { id: "t1", slots: { a: "k", b: null } },
    { id: "t2", slots: { b: null, a: "k" } },
  ],
  moments: 1,
  leaveOutSpent: true,
};
/** A slot moves to a participant that has never heard of the batch, before the request, after it, or after the decision. */
export const MOVED: Scene = {
  ...TWO,
  participants: ["A", "B", "C"],
  moves: [{ slot: "b", to: "C" }],
  unwilling: true,
  crashes: "messages",
  leaveOutSpent: true,
};
/** As `MOVED`, and the slot's old owner gets the other slot of the batch. */
export const MOVED_ON: Scene = {
  ...MOVED,
  moves: [
    { slot: "b", to: "C" },
    { slot: "a", to: "B" },
  ],
  unwilling: false,
  crashes: "writes",
  moments: 1,
};
/** The slot whose key two batches bring moves. */
export const RIVALS_MOVED: Scene = {
  ...MOVED,
  batches: [
    { id: "t1", slots: { a: null, b: "l" } },
    { id: "t2", slots: { b: "l" } },
  ],
  unwilling: false,
  crashes: "none",
  moments: 1,
};
