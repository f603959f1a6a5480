import type { Revocations, RevokedKey } from "../../contract/rpc.ts";
import type { Sql } from "../sql.ts";

/** Longer than any isolate of the gateway believes a key without having asked D1. */
const KEPT_MS = 3_600_000;
/** Of 100 bytes each in an answer: 1 MB. Beyond, the oldest are forgotten, and `completeSince` says so. */
const MAX_REVOCATIONS = 10_000;

/**
 * The keys that were revoked of late, for when D1 does not answer. D1 has the truth; a revocation is here too so that it acts
 * meanwhile.
 */
export class RevocationStore {
  readonly #sql: Sql;
  readonly #max: number;
  /** How many there are, so that noting one more does not cost a walk over all. */
  #count: number;

  constructor(sql: Sql, max = MAX_REVOCATIONS) {
    this.#sql = sql;
    this.#max = max;
    this.#count = sql.all<{ n: number }>("SELECT COUNT(*) AS n FROM revocations")[0]?.n ?? 0;
  }

  /** Remembers the key for an hour from `now` on, epoch ms. */
  note({ namespace, keyId }: RevokedKey, now: number): void {
    this.#count += this.#sql.transaction(() => {
      const before = this.#delete("namespace = ? AND key_id = ?", namespace, keyId);
      this.#sql.run("INSERT INTO revocations VALUES (?, ?, ?)", namespace, keyId, now);
      const gone = before + this.#delete("at <= ?", now - KEPT_MS);
      return 1 - gone - (this.#count + 1 - gone > this.#max ? this.#forgetOldest() : 0);
    });
  }

  /** What is remembered, as of `now`. */
  recent(now: number): Revocations {
    const keys = this.#sql.all<{ namespace: string; keyId: string }>(
      "SELECT namespace, key_id AS keyId FROM revocations WHERE at > ?",
      now - KEPT_MS,
    );
    return { keys, completeSince: Math.max(now - KEPT_MS, this.#forgottenUntil()) };
  }

  /** All of the oldest time, so that `completeSince` is a time since when none is missing. Answers how many. */
  #forgetOldest(): number {
    const oldest = this.#sql.all<{ at: number }>("SELECT at FROM revocations ORDER BY at LIMIT 1")[0]?.at ?? 0;
    this.#sql.run(
      "INSERT INTO revocations_forgotten VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET until = MAX(until, excluded.until)",
      oldest,
    );
    return this.#delete("at <= ?", oldest);
  }

  #delete(where: string, ...params: (string | number)[]): number {
    return this.#sql.all(`DELETE FROM revocations WHERE ${where} RETURNING key_id`, ...params).length;
  }

  #forgottenUntil(): number {
    return this.#sql.all<{ until: number }>("SELECT until FROM revocations_forgotten")[0]?.until ?? 0;
  }
}
