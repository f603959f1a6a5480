import type { ProblemCode } from "../../../contract/problem.ts";
import { conflict, type Problem } from "../../../contract/problems.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Change } from "../resources/kind.ts";
import type { Holdings } from "./queue-freeze.ts";
import { checkLimits, type DividedLimit, limitBelow } from "./queue-settings.ts";

/** Says of what the shards have of a queue why it may not be changed, or null. */
export type Condition = (holdings: Holdings) => Problem | null;

/** On what a change of a queue depends that only its shards know; null where it does not depend on any. */
export function conditionOf(change: Change<QueueSettings>): Condition | null {
  const { before, next } = change;
  // Of a deleted queue nothing is the next one's: see `incarnationOf`.
  if (before === null || before.deleted) return null;
  if (next.deleted) return ({ live }) => (live > 0 ? notDeletable(live) : null);
  const conditions = [
    ...(losesTarget(change, before) ? [(holdings: Holdings) => keepsKind(holdings, before)] : []),
    ...(before.partitions === next.partitions
      ? []
      : [(holdings: Holdings) => keepsPartitions(holdings, change, before)]),
    ...limitConditions(change, before),
  ];
  if (conditions.length === 0) return null;
  return (holdings) => conditions.map((condition) => condition(holdings)).find((problem) => problem !== null) ?? null;
}

function jobs(live: number): string {
  return `${live} unfinished ${live === 1 ? "job" : "jobs"}`;
}

function notDeletable(live: number): Problem {
  const way = "It can be deleted once they are finished: /purge cancels those that wait.";
  return conflict.of("queue-has-jobs", `The queue has ${jobs(live)}. ${way}`);
}

/** Nobody named the target, and the default is another one than the queue has. */
function losesTarget({ next, sent }: Change<QueueSettings>, before: QueueSettings): boolean {
  return before.target.type !== next.target.type && sent !== null && !("target" in sent);
}

function keepsKind({ live }: Holdings, { target }: QueueSettings): Problem | null {
  if (live === 0) return null;
  const kind = `"${target.type}"`;
  return conflict.of(
    "queue-has-jobs",
    `The queue has ${jobs(live)} for its target of type ${kind}, and without "target" it would become a pull queue. Send its target again, or {"type": "pull"} if that is meant, or use PATCH, which keeps what it does not name.`,
    [{ pointer: "/target", detail: `target must be sent while the queue has unfinished jobs: its type is ${kind}.` }],
  );
}

/** Jobs stand in the order of their partition, and keys are found by it: neither may be left behind. */
function keepsPartitions(holdings: Holdings, change: Change<QueueSettings>, before: QueueSettings): Problem | null {
  const hindrance = hindranceOf(holdings);
  if (hindrance === null) return null;
  const { partitions } = before;
  const { because, once } = hindrance;
  const limit = change.sent === null || "partitions" in change.sent ? null : limitBelow(change.next, partitions);
  if (limit !== null) return indivisible(limit, partitions, hindrance);
  return conflict.of(
    hindrance.code,
    `The number of partitions stays ${partitions}, because ${because}. Send "partitions": ${partitions}, or another number once ${once}.`,
    [{ pointer: "/partitions", detail: `partitions must be ${partitions} until ${once}.` }],
  );
}

/** A limit below the partitions is refused, and the ways out depend on whether their number can change. */
function limitConditions({ next, sent }: Change<QueueSettings>, before: QueueSettings): Condition[] {
  const { partitions } = next;
  const limit = limitBelow(next, partitions);
  if (limit === null || sent === null) return [];
  return [
    (holdings) => {
      const hindrance = before.partitions === partitions ? hindranceOf(holdings) : null;
      return hindrance === null ? checkLimits(next, sent) : indivisible(limit, partitions, hindrance);
    },
  ];
}

function indivisible({ name, field, pointer, limit }: DividedLimit, partitions: number, hindrance: Hindrance): Problem {
  const { because, once } = hindrance;
  return conflict.of(
    "limit-below-partitions",
    `A ${name} of ${limit} cannot be divided over the queue's ${partitions} partitions, whose number cannot change, because ${because}. Raise the limit to at least ${partitions}, or send it with "partitions" of ${limit} or less once ${once}.`,
    [{ pointer, detail: `${field} must be at least ${partitions}, the number of partitions, until ${once}.` }],
  );
}

interface Hindrance {
  code: ProblemCode;
  /** Ends "because …". */
  because: string;
  /** Ends "once …". */
  once: string;
}

function hindranceOf({ live, idempotencyKeys, dedupKeys, parkedKeys, startsCountUntil }: Holdings): Hindrance | null {
  if (live > 0) {
    return { code: "queue-has-jobs", because: `the queue has ${jobs(live)}`, once: "they are finished or purged" };
  }
  if (idempotencyKeys + dedupKeys > 0) {
    const keys = `${idempotencyKeys} idempotency keys and ${dedupKeys} deduplication keys`;
    return {
      code: "queue-has-keys",
      because: `the queue remembers ${keys} by their partition`,
      once: "their window has passed",
    };
  }
  if (parkedKeys > 0) {
    const because = `${parkedKeys} ordering keys of the queue are parked by their partition`;
    return { code: "queue-has-keys", because, once: "they are unblocked or resumed" };
  }
  if (startsCountUntil === null) return null;
  const until = formatTimestamp(startsCountUntil);
  return { code: "queue-has-starts", because: "starts count under a rate by their partition", once: `it is ${until}` };
}
