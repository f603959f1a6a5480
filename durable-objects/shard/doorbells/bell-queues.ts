import type { Doorbell } from "../../../contract/doorbell.ts";

type Bindings = Pick<Env, "LANE_DEFAULT" | "LANE_SLOW" | "LANE_BULK" | "HISTORY" | "EVENTS">;

/** The Queue that carries a bell: those who do different work wait in different lines. */
export function queueOf(env: Bindings, bell: Doorbell): Queue {
  if (bell.kind === "history") return env.HISTORY;
  if (bell.kind === "events") return env.EVENTS;
  switch (bell.lane) {
    case "default":
      return env.LANE_DEFAULT;
    case "slow":
      return env.LANE_SLOW;
    case "bulk":
      return env.LANE_BULK;
  }
}
