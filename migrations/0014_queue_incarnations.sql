-- A queue that is deleted and made again is another queue: history keeps the finished jobs of each apart.

-- What `jobs.queue` and `history_counts.queue` say of the queue: `queueId` of domain/queue.ts. Null: its name, as it is for the
-- first queue of a name.
ALTER TABLE queues ADD COLUMN queue_id TEXT;

-- Deleted queues whose names others have by now, as long as history has jobs of theirs to forget. One row when a name is used
-- again.
CREATE TABLE former_queues (
  namespace TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  settings TEXT NOT NULL, -- JSON, domain/queue.ts QueueSettings, as it was deleted
  PRIMARY KEY (namespace, queue_id)
) WITHOUT ROWID;

CREATE TRIGGER queues_made_again AFTER UPDATE ON queues WHEN OLD.deleted = 1 AND NEW.deleted = 0
BEGIN
  INSERT INTO former_queues (namespace, queue_id, settings)
  VALUES (OLD.namespace, coalesce(OLD.queue_id, OLD.name), OLD.settings);
END;
