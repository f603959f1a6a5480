/** How many jobs of a pack lie in the segments before `g`, as SQL. */
const BEFORE = "(SELECT coalesce(sum(b.value ->> 0), 0) FROM json_each(p.segments) AS b WHERE b.key < g.key)";
const SEGMENT = `FROM json_each(p.segments) AS g WHERE own.key >= ${BEFORE} ORDER BY g.key DESC LIMIT 1`;
const DONE = "EXISTS (SELECT 1 FROM json_each('[' || s.done || ']') AS d WHERE d.value ->> 0 = own.key)";

/**
 * Every job of a shard, in a row or in a pack, as a table of SQL: for who looks at the rows behind the code's back. It takes
 * packs apart by itself, and believes nothing that the code says of them.
 */
export const EVERY_JOB = `(
  SELECT id, queue, partition, seq, priority, state, blocked, version, attempt, returned, lease, due_at, expires_at, spent_before, returns
  FROM jobs
  UNION ALL
  SELECT own.value, p.queue, p.partition, (SELECT (g.value ->> 2) + own.key - ${BEFORE} ${SEGMENT}), p.priority,
    CASE WHEN s.pack IS NULL THEN 'queued' WHEN ${DONE} THEN 'succeeded' ELSE 'running' END, 0,
    CASE WHEN s.pack IS NULL THEN 1 WHEN ${DONE} THEN 3 ELSE 2 END, CASE WHEN s.pack IS NULL THEN 0 ELSE 1 END, 0, s.lease,
    CASE WHEN s.pack IS NULL OR ${DONE} THEN NULL ELSE min(s.lease_ends_at, s.attempt_ends_at) END, NULL, 0, NULL
  FROM packs AS p, json_each('["' || replace(p.ids, ',', '","') || '"]') AS own
    LEFT JOIN slices AS s ON s.pack = p.pack AND own.key >= s.first AND own.key < s.first + s.n
  WHERE NOT EXISTS (SELECT 1 FROM json_each(coalesce(p.gone, '[]')) AS gone WHERE gone.value = own.key))`;
