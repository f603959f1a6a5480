/** What keeps the jobs of packs from being lost, doubled or held up, taken away piece by piece. */
import { statement, type TrackedMutant } from "./mutant.ts";

const EXTEND = "UPDATE packs SET n = ?";
const DONE = "UPDATE slices SET done = done";

/** A shard that packs all it can, with one statement changed. */
function packed(name: string, change: Parameters<typeof statement>[1]): TrackedMutant {
  return Object.assign(statement(name, change), { packing: "on" as const });
}

export const PACK_MUTANTS: TrackedMutant[] = [
  packed("what a pack takes at its end is written", { marks: [EXTEND], from: "WHERE pack = ?", to: "WHERE pack = -?" }),
  packed("a pack knows its highest id", {
    marks: [EXTEND],
    from: "max_id = ?",
    to: "max_id = iif(? = '', max_id, max_id)",
  }),
  packed("a pack knows the ranks of what it takes", {
    marks: [EXTEND],
    from: "segments = ?",
    to: "segments = iif(? = '', segments, segments)",
  }),
  packed("what was claimed is not claimed again", {
    marks: ["INSERT INTO slices"],
    from: "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    to: "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE 0",
  }),
  packed("a slice has its own lease", {
    marks: ["INSERT INTO slices"],
    from: "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    to: "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'lease' || substr(?10, 1, 0), ?11)",
  }),
  packed("the end of a lease is written with its claim", {
    marks: ["INSERT INTO slices"],
    from: "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    to: "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + 3600000, ?9 + 3600000, ?10, ?11)",
  }),
  packed("a success is written", { marks: [DONE], from: "iif(done = '', '', ',') || ?", to: "iif(? = '', '', '')" }),
  packed("a slice counts those that still run", { marks: [DONE], from: "open = open - ?", to: "open = open - 0 * ?" }),
  packed("a job that leaves its pack has a row", {
    marks: ["INSERT INTO jobs (id, queue", "VALUES (?"],
    from: /VALUES \(([?, ]*)\)$/g,
    to: "SELECT $1 WHERE 0",
  }),
  packed("a job that has a row is its pack's no more", {
    marks: ["UPDATE packs SET gone = ?"],
    from: "WHERE pack = ?",
    to: "WHERE pack = -?",
  }),
  packed("heads are read when the object starts", {
    marks: ["FROM packs WHERE pack > ?"],
    from: "WHERE pack > ?",
    to: "WHERE pack > ? + 1000000000000000000",
  }),
  packed("a pack that is forgotten leaves no slice", {
    marks: ["DELETE FROM slices"],
    from: "WHERE pack = ?",
    to: "WHERE pack = -?",
  }),
];
