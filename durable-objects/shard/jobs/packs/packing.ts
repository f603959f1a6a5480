import { Part } from "../../kernel/part.ts";

/** Which of the jobs that could be packed are: all, none, or by chance about every second call's, so that both kinds meet. */
export type Packing = "on" | "off" | "mixed";

/** What a shard goes by. The object gives what its deployment says, tests what they like. */
export const PACKING = new Part("packing", (): Packing => "on");

/** Jobs of one pack at most: as many as one claim may take. */
export const MOST_JOBS = 100;
/** Characters of payloads that one row holds at most. One that has so many bytes of results takes no more of them. */
export const MOST_CHARACTERS = 64 * 1024;
/** Bytes that the results of one call add to a row at most: JSON may escape each, and a value of SQLite ends at 2 MB. */
export const MOST_RESULT_BYTES = 256 * 1024;
/** A payload or result of more characters than these is kept in a row of its own. */
export const LARGEST_TEXT = 8 * 1024;
/** Ids of a pack were made so close to the moment of its step, so that the ranges of packs hardly overlap. */
export const MOST_APART_MS = 10_000;
/** A pack is partly done for so long at most: then those of its jobs that are fewer become rows. */
export const MIXED_AT_MOST_MS = 60_000;

/** Reads the variable `PACKS`. Throws, with a sentence, where it is none of them. */
export function parsePacking(text: string | undefined): Packing {
  if (text === undefined || text === "") return "on";
  if (text === "on" || text === "off" || text === "mixed") return text;
  throw new Error(`PACKS is "on", "off" or "mixed", and not ${JSON.stringify(text)}`);
}
