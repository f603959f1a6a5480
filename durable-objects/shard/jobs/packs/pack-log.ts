import type { LoggedJob } from "../history-log.ts";
import type { PackHead } from "./pack-head.ts";

/** How the log of finished jobs names all jobs of a pack: no job has such an id. */
const MARK = "#";
/** Stands where the log has the version of a job. */
const NO_VERSION = 0;

/** The name of a pack in the log, in place of those of its jobs. `copied`: its jobs go to history. */
export function loggedPack({ pack }: Pick<PackHead, "pack">, { copied } = { copied: true }): LoggedJob {
  return copied ? [`${MARK}${pack}`, NO_VERSION] : [`${MARK}${pack}`, NO_VERSION, "skip"];
}

/** The pack that an entry of the log names; null where it names a job. */
export function packOf(name: string): number | null {
  return name.startsWith(MARK) ? Number(name.slice(MARK.length)) : null;
}

/** The pack that a name of the log means, as SQL; null where it means a job. */
export function packOfName(name: string): string {
  return `iif(${name} LIKE '${MARK}%', CAST(substr(${name}, 2) AS INTEGER), NULL)`;
}

/** How many jobs the log means by the name of a row `packs`, as SQL. */
export const PACK_JOBS = "packs.n - iif(json_valid(packs.gone), json_array_length(packs.gone), 0)";
