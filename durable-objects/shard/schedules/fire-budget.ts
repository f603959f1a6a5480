import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { CAPACITY } from "../lifecycle/admission.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";

const SECOND_MS = 1_000;
/** A namespace whose limit is raised does not wait for longer. */
const MOST_SECONDS_LATER = 60;

/** What one namespace had of one second. */
interface Spent {
  fires: number;
  /** Fires that were put off: each goes to the first later second that has room for it, as far as that is known. */
  putOff: number;
}

/**
 * How many fires the schedules of each namespace have had in this second. In memory alone: an object that starts anew gives a
 * second's worth once more, which is less than a restart takes. A step counts at once, and one that is undone has counted too
 * much, for a second.
 */
class FireBudget {
  #second = 0;
  readonly #spent = new Map<string, Spent>();

  /** Takes a fire of the namespace's budget: null, it may fire now; else when it is to ask again, epoch milliseconds. */
  take(step: Step, namespace: string): number | null {
    const share = step.get(CAPACITY).namespaceShare(step.get(NAMESPACES).limits(namespace).firesPerSecond);
    if (share === null) return null;
    const second = Math.floor(step.now / SECOND_MS);
    if (second !== this.#second) this.#spent.clear();
    this.#second = second;
    const spent = this.#spent.get(namespace) ?? { fires: 0, putOff: 0 };
    this.#spent.set(namespace, spent);
    if (spent.fires < share) {
      spent.fires += 1;
      return null;
    }
    const later = Math.floor(spent.putOff / Math.max(1, share));
    spent.putOff += 1;
    return (second + 1 + Math.min(later, MOST_SECONDS_LATER)) * SECOND_MS;
  }
}

export const FIRE_BUDGET = new Part("fires of this second", () => new FireBudget());
