/** The controls of the scheduler, each broken in one mutant. One that no longer fits the code fails its test. */
import type { mostOf } from "../../domain/connections.ts";
import type { onDuplicate, replacedRunAt } from "../../domain/dedup.ts";
import type { dueAt } from "../../domain/due.ts";
import { type Contender, EVEN_SHARE, type nextInShare } from "../../domain/fairness.ts";
import type { AtGate, rebalance } from "../../domain/gate.ts";
import type { isSameTag } from "../../domain/lease.ts";
import type { partitionShare } from "../../domain/queue.ts";
import type { rankOf } from "../../domain/rank.ts";
import type { rateRoom } from "../../domain/rate.ts";
import type { afterDeferral, afterFailure } from "../../domain/retry.ts";
import type { hostOf } from "../../domain/target-url.ts";
import type { rateHoldsUntil } from "../../durable-objects/shard/flow/limits.ts";
import {
  deafTo,
  forAnyVersion,
  restarting,
  unpaused,
  withoutAlarmAtStart,
  withoutGatesDuring,
  withQuarantine,
} from "./broken-core.ts";
import { counted, rewriter, rule, statements, type TrackedMutant, track } from "./mutant.ts";

type NextInShare = typeof nextInShare<Contender>;

const LINE = "ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')";
const FIRST_OF_LINE = `${LINE} ORDER BY seq LIMIT 1`;
const SAVE = "UPDATE jobs SET state = ?, blocked = ?, counts_toward_limit = ?";

export const MUTANTS: TrackedMutant[] = [
  rule<typeof rateRoom>("a start counts for a whole period", "rateRoom", (room, log, rate, now) =>
    room(log, { ...rate, periodMs: rate.periodMs / 2 }, now),
  ),
  rule<typeof rateRoom>("a window includes both its ends", "rateRoom", (room, log, rate, now) =>
    room(log, { ...rate, periodMs: rate.periodMs - 1 }, now),
  ),
  track("the starts of a rate outlive a restart", (hit) => ({
    core: (original) =>
      restarting(original, (sql) => {
        if (sql.all("SELECT 1 AS n FROM rates").length > 0) hit();
        sql.run("DELETE FROM rates");
      }),
  })),
  statements("the starts of a key are kept", {
    marks: ["INSERT INTO gates"],
    from: "VALUES (?, ?, ?, ?, ?)",
    to: "SELECT ?1, ?2, ?3, CASE WHEN ?4 = '' THEN '' ELSE '[]' END, ?5 WHERE true",
  }),
  rule<typeof partitionShare>("each partition has its part of a limit", "partitionShare", (_, limit) => limit),
  statements("running jobs count under the concurrency of their key", {
    marks: ["INDEXED BY jobs_gate", "state = 'running'"],
    from: "count(*) AS n",
    to: "0 AS n",
  }),
  track("a cancel rebalances the gate of its key", (hit) => withoutGatesDuring("cancel", hit)),
  track("a report rebalances the gate of its key", (hit) => withoutGatesDuring("report", hit)),
  statements(
    "the clock opens gates",
    { marks: ["FROM gates", "look_at <= ?"], from: "look_at <= ?", to: "look_at <= ? AND 0" },
    { marks: ["FROM gates"], from: "min(look_at) AS at", to: "NULL AS at" },
  ),
  statements("new limits of keys rebalance every gate", {
    marks: ["INSERT INTO gates", "GROUP BY concurrency_key"],
    from: "WHERE queue = ?1",
    to: "WHERE queue = -?1",
  }),
  rule<typeof rebalance>("the best of a key go through its gate", "rebalance", (rebalance, room, open, waiting) =>
    rebalance(room, open.map(worst), waiting.map(worst)),
  ),
  rule<typeof rankOf>("priority goes first", "rankOf", (_, seq) => seq),
  rule<typeof rankOf>("waiting makes up for priority", "rankOf", (rank, seq, priority) => rank(seq, priority, null)),
  track("a paused queue gives nothing", (hit) => ({ core: (original) => deafTo(original, unpaused(hit)) })),
  rule<NextInShare>("a queue of more weight gets more turns", "nextInShare", weightless),
  rule<NextInShare>("turns go on from claim to claim", "nextInShare", (next, contenders) =>
    next(contenders, EVEN_SHARE),
  ),
  statements("one job of an ordering key at a time", {
    marks: [],
    from: FIRST_OF_LINE,
    to: FIRST_OF_LINE.replace("IS NOT NULL", "IS NULL"),
  }),
  statements("a retry keeps its place in line", {
    marks: [],
    from: FIRST_OF_LINE,
    to: FIRST_OF_LINE.replace("ORDER BY", "AND state <> 'scheduled' ORDER BY"),
  }),
  statements("a redriven job takes its old place in line", {
    marks: [],
    from: FIRST_OF_LINE,
    to: FIRST_OF_LINE.replace("ORDER BY seq", "ORDER BY attempt, seq"),
  }),
  statements("the end of an attempt frees its place", {
    marks: [],
    from: SAVE,
    to: SAVE.replace("counts_toward_limit = ?", "counts_toward_limit = max(counts_toward_limit, ?)"),
  }),
  statements("a new limit counts what runs", {
    marks: ["UPDATE jobs INDEXED BY jobs_by_queue SET counts_toward_limit = 1 WHERE"],
    from: "SET counts_toward_limit = 1 WHERE",
    to: "SET counts_toward_limit = 1 WHERE 0 AND",
  }),
  track("an expired job does not start", (hit) => ({
    sql: rewriter(hit, [
      { marks: ["SET state = 'running'"], from: "AND (expires_at IS NULL OR expires_at > ?5)", to: "" },
    ]),
    rules: {
      dueAt: counted<typeof dueAt>(hit, (due, job) => (job.state === "queued" ? null : due(job))),
    },
  })),
  statements("an idempotency key answers for its whole window", {
    marks: ["SELECT hash, job, expires_at FROM idempotency"],
    from: "hash, job, expires_at",
    to: "hash, job, expires_at - 1000 AS expires_at",
  }),
  statements("another body under the same key is refused", {
    marks: ["SELECT hash, job, expires_at FROM idempotency"],
    from: "SELECT hash,",
    to: "SELECT 'same' AS hash,",
  }),
  rule<typeof onDuplicate>(
    "the next of a deduplication key waits for the one that runs",
    "onDuplicate",
    (resolve, ...call) => (resolve(...call) === "acceptNext" ? "accept" : resolve(...call)),
  ),
  rule<typeof onDuplicate>(
    "a job that waits outlasts the window of its key",
    "onDuplicate",
    (resolve, conflict, holder) => (holder.inWindow ? resolve(conflict, holder) : "accept"),
  ),
  rule<typeof replacedRunAt>("a job is put off no further than its call allows", "replacedRunAt", (_, runAt) => runAt),
  statements("a failure holds its ordering key", {
    marks: ["SELECT * FROM parked WHERE slot = ?"],
    from: "AND key = ?",
    to: "AND key = ? AND state <> 'blocked'",
  }),
  rule<typeof isSameTag>("a report needs the tag of its lease", "isSameTag", () => true),
  rule<typeof dueAt>("the timeout ends an attempt whatever is extended", "dueAt", (due, job) =>
    due({ ...job, attemptEndsAt: null }),
  ),
  rule<typeof afterFailure>("jitter draws from nothing to the whole wait", "afterFailure", (verdict, failure) =>
    verdict({ ...failure, randomness: 1 }),
  ),
  rule<typeof afterDeferral>("a deferral spends no attempt", "afterDeferral", () => null),
  rule<typeof afterDeferral>("a job is deferred for so long and no longer", "afterDeferral", (after, deferral) =>
    after({ ...deferral, since: null }),
  ),
  rule<typeof afterDeferral>("a deferral waits as long as a failure does", "afterDeferral", (after, deferral) =>
    after({ ...deferral, by: "released" }),
  ),
  rule<typeof afterFailure>("what is asked for never shortens the backoff", "afterFailure", (after, failure) => {
    const verdict = after(failure);
    return verdict.retry && failure.retryAfterMs !== null
      ? { retry: true, runAt: failure.now + failure.retryAfterMs }
      : verdict;
  }),
  statements("a job that was not begun comes back unspent", {
    marks: [],
    from: "begun = ?8",
    to: "begun = 1 + 0 * ?8",
  }),
  statements("a job that comes back unbegun again and again spends an attempt", {
    marks: [SAVE],
    from: "returns = ?",
    to: "returns = CASE WHEN ? = '' THEN '' END",
  }),
  statements("each delivery has a lease of its own", { marks: [SAVE], from: "returned = ?", to: "returned = 0 * ?" }),
  statements("a heartbeat says that the job was begun", {
    marks: [SAVE],
    from: "begun = ?",
    to: "begun = begun + 0 * ?",
  }),
  statements("a redriven job has a new budget of attempts", {
    marks: [SAVE],
    from: "spent_before = ?",
    to: "spent_before = 0 * ?",
  }),
  rule<typeof rateHoldsUntil>("the alarm is set for a rate that opens", "rateHoldsUntil", () => null),
  statements("leases end", {
    marks: ["INDEXED BY jobs_due WHERE due_at IS NOT NULL AND due_at <= ?"],
    from: "due_at <= ?",
    to: "due_at <= ? AND state <> 'running'",
  }),
  rule<typeof mostOf>(
    "a share of the connections of a lane is not exceeded",
    "mostOf",
    (most, ...of) => most(...of) + 1,
  ),
  rule<typeof hostOf>("a host is one by whichever name", "hostOf", (_, url) => url),
  statements("the connections of running jobs count after a restart", {
    marks: ["SELECT id, queue FROM jobs INDEXED BY jobs_due"],
    from: "state = 'running'",
    to: "state = 'final'",
  }),
  statements("another priority moves a job in its line", {
    marks: ["UPDATE jobs SET priority = ?, rank = ?"],
    from: "rank = ?",
    to: "rank = rank + 0 * ?",
  }),
  statements("another payload takes the place of the whole one", {
    marks: ["UPDATE jobs SET payload = ?, spec = ?"],
    from: "payload = ?",
    to: "payload = coalesce(payload, ?)",
  }),
  statements("a job that waits may be brought forward", {
    marks: [SAVE],
    from: "run_at = ?",
    to: "run_at = max(run_at, ?)",
  }),
  track("a change is made of the version that it is meant for", (hit) => ({
    core: (original) => forAnyVersion(original, hit),
  })),
  track("what is set aside is passed over until its backoff is over", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => {
        const { holds } = quarantine;
        return {
          holds: (kind, key, now) => {
            if (holds.call(quarantine, kind, key, now)) hit();
            return false;
          },
        };
      }),
  })),
  track("what throws again and again is tried later and later", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => {
        const { setAside } = quarantine;
        return {
          setAside: (row, error, now) => {
            if (quarantine.find(row.kind, row.key) !== null) hit();
            quarantine.release(row);
            setAside.call(quarantine, row, error, now);
          },
        };
      }),
  })),
  track("whoever asks for a job that is set aside has it tried at once", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => ({
        hasten: ({ kind, key }) => {
          if (quarantine.find(kind, key) !== null) hit();
          return false;
        },
      })),
  })),
  track("what comes on again is set aside no more", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => ({
        release: ({ kind, key }) => {
          if (quarantine.find(kind, key) !== null) hit();
        },
      })),
  })),
  track("what is passed over takes the place of no other", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => {
        const { count } = quarantine;
        return {
          count: (kind, now) => {
            if (count.call(quarantine, kind, now) > 0) hit();
            return 0;
          },
        };
      }),
  })),
  track("the alarm is set anew at the start", (hit) => ({ core: (original) => withoutAlarmAtStart(original, hit) })),
  statements("a purge finds jobs at the gate of their key", {
    marks: ["SELECT id FROM jobs", "INDEXED BY jobs_blocked"],
    from: "INDEXED BY jobs_blocked WHERE queue = ?",
    to: "INDEXED BY jobs_blocked WHERE queue = -?",
  }),
];

function worst(job: AtGate): AtGate {
  return { ...job, rank: -job.rank };
}

/** Turns as if every queue had the same weight. The contender that wins is the one that was given. */
function weightless(next: NextInShare, ...[contenders, fairShare]: Parameters<NextInShare>): ReturnType<NextInShare> {
  const alike = contenders.map((contender) => ({ ...contender, weight: 1, given: contender }));
  const turn = next(alike, fairShare);
  return { contender: (turn.contender as (typeof alike)[number]).given, fairShare: turn.fairShare };
}
