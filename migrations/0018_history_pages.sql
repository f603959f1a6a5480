-- Succeeded jobs by the page: up to a hundred of one queue that were made at about the same time in one row. Two rows written a
-- page, itself and its index entry. A job is either in a page or a row of `jobs`, never in both: those that failed, were
-- cancelled or deleted, and very large ones are rows.
CREATE TABLE history_pages (
  namespace TEXT NOT NULL,
  -- The ids of its jobs are from min_id to max_id, which are alike but for the last 19 characters: of the same 32.8 seconds. Both
  -- stay when jobs are taken out of the page.
  max_id TEXT NOT NULL,
  min_id TEXT NOT NULL,
  queue TEXT NOT NULL, -- as `jobs.queue`
  n INTEGER NOT NULL,
  -- When the last of them finished.
  finished_to INTEGER NOT NULL,
  -- Grows when jobs are taken out of it.
  revision INTEGER NOT NULL DEFAULT 0,
  -- What the long columns take when they are opened.
  bytes INTEGER NOT NULL,
  -- The last 19 characters of each id, in order: who looks for a job opens the page that has it and no other.
  ids TEXT NOT NULL,
  -- contract/succeeded-page.ts: columns as JSON, each part compressed (raw DEFLATE). What a list shows comes first.
  records BLOB NOT NULL,
  attempts BLOB NOT NULL,
  results BLOB NOT NULL,
  payloads BLOB NOT NULL,
  PRIMARY KEY (namespace, max_id)
) WITHOUT ROWID;
CREATE INDEX history_pages_by_queue ON history_pages (namespace, queue, max_id);

-- How many jobs of the entry behind the cursor history has, while the cursor is still `skip_after`.
ALTER TABLE projections ADD COLUMN skip INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projections ADD COLUMN skip_after INTEGER NOT NULL DEFAULT 0;
