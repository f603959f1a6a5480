import fc from "fast-check";
import { anyEvents } from "./events.ts";
import { History } from "./history.ts";
import type { Mutant } from "./mutant.ts";
import { anyPlan } from "./plan.ts";

/** Whatever happens, the shard answers as the model says. */
export function propertyOf(mutant: Mutant) {
  return fc.property(anyPlan, anyEvents, (plans, events) => {
    const history = new History(plans, mutant);
    for (const event of events) history.happen(event);
    history.end();
  });
}
