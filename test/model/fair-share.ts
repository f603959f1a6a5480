import type { ModelQueue } from "./job.ts";

/** Passes of those who share: the lowest is served, and then pays one over its weight. */
class Share {
  #served = 0;
  #passes = new Map<string, number>();

  /** Nobody's pass is below that of the one served last: who was away has saved nothing up. */
  pass(name: string): number {
    return Math.max(this.#served, this.#passes.get(name) ?? 0);
  }

  serve(name: string, weight: number): void {
    this.#served = this.pass(name);
    this.#passes.set(name, this.#served + 1 / weight);
  }

  copy(): Share {
    const copy = new Share();
    copy.#served = this.#served;
    copy.#passes = new Map(this.#passes);
    return copy;
  }
}

/** Whose turn it is: namespaces in turn, and inside a namespace its queues by weight. */
export class FairShare {
  #namespaces = new Share();
  #queues = new Map<string, Share>();

  /** The next of `contenders` (at least one), which has had its turn then. Ties go to the queue that is known longer. */
  next(contenders: ModelQueue[]): ModelQueue {
    const namespace = lowest(contenders, (queue) => this.#namespaces.pass(queue.settings.namespace)).settings.namespace;
    const share = this.#queues.get(namespace) ?? new Share();
    this.#queues.set(namespace, share);
    const own = contenders.filter((queue) => queue.settings.namespace === namespace);
    const winner = lowest(own, (queue) => share.pass(queue.settings.name));
    this.#namespaces.serve(namespace, 1);
    share.serve(winner.settings.name, winner.settings.weight);
    return winner;
  }

  copy(): FairShare {
    const copy = new FairShare();
    copy.#namespaces = this.#namespaces.copy();
    copy.#queues = new Map([...this.#queues].map(([name, share]) => [name, share.copy()]));
    return copy;
  }
}

function lowest(queues: ModelQueue[], passOf: (queue: ModelQueue) => number): ModelQueue {
  const least = Math.min(...queues.map(passOf));
  const found = queues.find((queue) => passOf(queue) === least);
  if (found === undefined) throw new Error("nobody wants a turn");
  return found;
}
