import type { Lane } from "./lane.ts";

/** Which part of what rotates a run does. */
export type Rotation = Pick<Lane, "name" | "rotation">;

/** The part of `all` that is a run's turn: as many each time, and every one within `parts` rotations that follow each other. In a campaign it is all of it. */
export function turnOf<T>(all: readonly T[], parts: number, { name, rotation }: Rotation): T[] {
  if (name === "campaign" || all.length === 0) return [...all];
  const size = Math.ceil(all.length / parts);
  const first = rotation * size;
  return Array.from({ length: size }, (_, i) => all[(first + i) % all.length] as T);
}
