import { type DirectoryApi, type RevokedKey, RPC_VERSION } from "../../../contract/rpc.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";

/** What is asked of the Directory about revoked keys. */
export type RevocationList = Pick<DirectoryApi, "noteRevocation" | "revocations">;

/** What was heard of the Directory is kept this long: with the 4 s of a key's verdict, a revocation acts within 5 s. */
const HEARD_MS = 500;
const WAIT_MS = 2000;
/** The clocks of an isolate and of the Directory may be apart by this much. */
const SKEW_MS = 10_000;

/** Keys that stand or fall together: a key, and those that made it. */
export interface Lineage {
  namespace: string;
  keyIds: readonly string[];
}

/** What an isolate knows of the Directory's recent revocations. The Directory is asked only when D1 does not answer. */
export class RecentRevocations {
  readonly #directory: () => RevocationList;
  #heard: { at: number; completeSince: number; keys: ReadonlySet<string> } | null = null;

  constructor(directory: () => RevocationList) {
    this.#directory = directory;
  }

  /**
   * Whether one of the keys was revoked since `since`, when D1 last said that they work. Null when the Directory does not
   * answer, or does not reach back as far.
   */
  async since({ namespace, keyIds }: Lineage, since: number, now: number): Promise<boolean | null> {
    const heard = await this.#listen(now);
    if (heard === null) return null;
    if (keyIds.some((keyId) => heard.keys.has(nameOf({ namespace, keyId })))) return true;
    return since > heard.completeSince + SKEW_MS ? false : null;
  }

  /** Notes a revocation with the Directory; false when it did not answer. */
  async note(key: RevokedKey): Promise<boolean> {
    this.#heard = null;
    return (await answer(() => this.#directory().noteRevocation({ v: RPC_VERSION, ...key }))) !== LATE;
  }

  /** All that the Directory remembers, asked anew; null when it does not answer. */
  async all(): Promise<RevokedKey[] | null> {
    const told = await answer(() => this.#directory().revocations({ v: RPC_VERSION }));
    return told === LATE ? null : told.keys;
  }

  async #listen(now: number) {
    const known = this.#heard;
    if (known !== null && known.at <= now && now < known.at + HEARD_MS) return known;
    const told = await answer(() => this.#directory().revocations({ v: RPC_VERSION }));
    if (told === LATE) return null;
    this.#heard = { at: now, completeSince: told.completeSince, keys: new Set(told.keys.map(nameOf)) };
    return this.#heard;
  }
}

function nameOf({ namespace, keyId }: RevokedKey): string {
  return `${namespace}/${keyId}`;
}

/** What the Directory answers; `LATE` also when it fails. */
async function answer<T>(ask: () => Promise<T>): Promise<T | typeof LATE> {
  try {
    return await within(WAIT_MS, ask());
  } catch (error) {
    log("error", "revocations-unavailable", { reason: reasonOf(error) });
    return LATE;
  }
}
