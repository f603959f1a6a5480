import { env } from "cloudflare:workers";
import type { Lane } from "../lane.ts";
import { type Rotation, turnOf } from "../rotation.ts";

/** How much a run does here: `test/lane.ts` reads it from the environment, which the real runtime has not, and hands it over. */
export type WorkersLane = Rotation & Pick<Lane, "histories">;

const { LANE } = env as unknown as { LANE: WorkersLane };

export const { histories } = LANE;

/** The part of `all` that is this run's turn, of so many; in a campaign all of it. */
export function turn<T>(all: readonly T[], parts = all.length): T[] {
  return turnOf(all, parts, LANE);
}
