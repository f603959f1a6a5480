import type { AuditViolation } from "../../../contract/rpc.ts";
import { workLineOf } from "../../../domain/queue.ts";
import type { AuditPage, AuditView, AuditWalk } from "../kernel/audit-rules.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { DEMAND, demandOfQueue } from "./demand.ts";

/** What the book of demand says of a queue is what a look at the queue finds, as far as bells go by it: something waits, or nothing. */
class DemandWalk implements AuditWalk {
  #after = -1;

  next(view: AuditView, limit: number): AuditPage {
    const queues = view.get(QUEUES);
    const refs = queues.refsAfter(this.#after, limit);
    this.#after = refs.at(-1) ?? this.#after;
    const book = view.get(DEMAND);
    book.refresh(view.now);
    // What is set aside comes and goes with the time.
    const known = view.get(QUARANTINE).any ? [] : refs;
    const violations = known.flatMap((ref): AuditViolation[] => {
      const queue = queues.get(ref);
      if (workLineOf(queue.settings) === null) return [];
      const [kept, found] = [book.jobsOf(ref), demandOfQueue(view, queue, view.now)];
      if (kept > 0 === found > 0) return [];
      const { namespace, name } = queue.settings;
      const detail = `queue ${namespace}/${name} has ${found} jobs that could be claimed, and ${kept} are known to bells`;
      return [{ rule: "demand-kept", detail }];
    });
    return { rows: refs.length, done: refs.length < limit, violations };
  }

  end(): void {
    // It follows nothing.
  }
}

export const DEMAND_AUDIT = { name: "demand", begin: () => new DemandWalk() };
