-- History by namespace: each one's finished jobs lie together, so that a list walks its own rows and no others, at no more
-- rows a job than before: the job itself and one index entry; three for a failed one.
CREATE TABLE jobs_by_namespace (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  queue TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Grows with every change of the job: an older copy never replaces a newer.
  version INTEGER NOT NULL,
  ordering_key TEXT,
  finished_at INTEGER NOT NULL,
  record TEXT NOT NULL,   -- JSON: the domain/job/job.ts Job without payload, result and attempts
  payload TEXT NOT NULL,  -- JSON text as it was submitted
  result TEXT,            -- JSON text
  attempts TEXT NOT NULL, -- JSON array of domain/job/job.ts Attempt
  PRIMARY KEY (namespace, id)
) WITHOUT ROWID;
INSERT INTO jobs_by_namespace
SELECT namespace, id, queue, state, version, ordering_key, finished_at, record, payload, result, attempts FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_by_namespace RENAME TO jobs;
CREATE INDEX jobs_by_queue ON jobs (namespace, queue, id);
-- What a redrive looks for.
CREATE INDEX jobs_failed ON jobs (namespace, queue, id) WHERE state = 'failed';

-- How many jobs of a queue are in `jobs` as succeeded. Changed in the batch that changes those: one row a queue and batch.
CREATE TABLE history_counts (
  namespace TEXT NOT NULL,
  queue TEXT NOT NULL,
  succeeded INTEGER NOT NULL,
  PRIMARY KEY (namespace, queue)
) WITHOUT ROWID;
INSERT INTO history_counts
SELECT namespace, queue, count(*) FROM jobs WHERE state = 'succeeded' GROUP BY namespace, queue;
