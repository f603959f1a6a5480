-- What a redrive looks for: one row more a failed job.
CREATE INDEX jobs_failed ON jobs (namespace, queue, id) WHERE state = 'failed';
