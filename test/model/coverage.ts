/** What happened in the histories of a run, so that one in which little happened cannot pass for proof. */
const seen = new Map<string, number>();

export function see(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

/** How often each thing was seen since the last call. */
export function takeCoverage(): Record<string, number> {
  const counts = Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1)));
  seen.clear();
  return counts;
}

/** What a run of some hundred histories must have seen. */
export const MUST_SEE = [
  ...["accepted", "replayed", "mismatch", "expired", "refused", "duplicate", "newer settings"].map(
    (answer) => `submit: ${answer}`,
  ),
  ...["recorded", "stale", "unknown"].map((status) => `report: ${status}`),
  ...["extended", "cancelled", "stale", "unknown"].map((status) => `extend: ${status}`),
  ...["ready", "scheduled", "retrying", "paused", "ordering", "concurrency", "rate", "priority", "fairness"].map(
    (reason) => `explain: ${reason}`,
  ),
  ...[
    "no-worker",
    "no-executor",
    "connections",
    "parked",
    "deduplication",
    "running",
    "final",
    "concurrency of its key",
    "rate of its key",
  ].map((why) => `explain: ${why}`),
  ...["nothing", "one", "several", "of several queues", "of several partitions", "against priority"].map(
    (jobs) => `claim: ${jobs}`,
  ),
  ...["a restart", "a lost alarm", "a step back", "a lease that ended", "a retry out of attempts"],
  ...["deferred", "released", "a deferral that spends an attempt", "a job that comes back unbegun"],
  ...["accept", "accept-next", "answer", "refuse", "replace"].map((verdict) => `dedup: ${verdict}`),
  ...["patch: job", "patch: conflict", "patch: version", "patch: expired", "run-now: job", "run-now: conflict"],
  ...["a job that is set aside", "a job that is set aside again", "a job that comes on again"],
  ...["report: busy", "extend: busy", "explain: quarantined", "cancel: quarantined", "patch: quarantined"],
  ...["key blocked", "key paused", "key open", "not-blocked open"].map((answer) => `a key: ${answer}`),
  ...["a redriven job before a waiting one", "a purge"],
];
