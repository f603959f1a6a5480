-- History may lie in several databases, each of which has these tables. A shard's finished jobs go to one of them at a time, where
-- its row says how far they are. Null: to this one. Otherwise the name of the binding under which they have gone on since.
ALTER TABLE projections ADD COLUMN moved_to TEXT;
-- Since when they have come here, epoch ms: whatever was made before may lie in another. 0: since ever.
ALTER TABLE projections ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
