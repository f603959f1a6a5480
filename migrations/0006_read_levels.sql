-- By when a shard said what history now has of it: everything that had finished or was deleted there by then is in `jobs`.
-- Null: not known.
ALTER TABLE projections ADD COLUMN heard_at INTEGER;
