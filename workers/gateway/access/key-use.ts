import { primary } from "../../db/client.ts";
import { noteKeyUse } from "../../db/keys.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { log, reasonOf } from "../log.ts";
import type { Caller } from "./auth.ts";

const HOUR_MS = 3_600_000;

/** Notes in which hour each key was last used: one write an hour, key and isolate at most. */
export class KeyUse {
  readonly #noted = new ExpiringMap<true>(HOUR_MS, 10_000);
  readonly #database: D1Database;

  constructor(database: D1Database) {
    this.#database = database;
  }

  /**
   * Notes a use at `now`, unless that hour is noted. To be done beside the answer: it never fails, and what could not be
   * written is left out until the next hour. Null: there is nothing to do.
   */
  note({ keyId, kind }: Caller, now: number): Promise<void> | null {
    const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
    if (kind !== "key" || this.#noted.get(keyId, now)) return null;
    this.#noted.set(keyId, true, hour);
    return this.#write(keyId, hour);
  }

  async #write(keyId: string, hour: number): Promise<void> {
    try {
      await noteKeyUse(primary(this.#database), keyId, hour);
    } catch (error) {
      log("warn", "key-use", { reason: reasonOf(error) });
    }
  }
}
