import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { replaced } from "./faults.ts";

/**
 * A D1 with one read replica behind the same Sessions API, built of two real databases. What is written through it
 * reaches the primary at once and the replica when a test says so, transaction by transaction and in their order, as D1
 * does it (docs: D1, Read replication): a session is sequentially consistent, and is answered by the replica wherever
 * that is far enough. What is written past it, by `env.DB`, never reaches the replica.
 */
export class ReplicatedD1 {
  readonly #primary: D1Database;
  readonly #replica: D1Database;
  /** Writes as they were committed: each a transaction of statements. */
  readonly #log: Statement[][] = [];
  #applied = 0;
  /** Sessions in which the replica, or the primary, answered: since the last `counts`. */
  #served = { primary: 0, replica: 0 };
  /** Makes reads of the replica fail. */
  broken = false;
  #between: (() => Promise<void>) | null = null;

  private constructor(primary: D1Database, replica: D1Database) {
    this.#primary = primary;
    this.#replica = replica;
  }

  /** A replica that is level with `env.DB`, which nobody may write but through this from now on. */
  static async make(): Promise<ReplicatedD1> {
    const { MIGRATIONS, REPLICA } = env as unknown as { MIGRATIONS: Migrations; REPLICA: D1Database };
    await applyD1Migrations(REPLICA, MIGRATIONS);
    for (const table of ["jobs", "history_pages", "projections"]) {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table}`).all<Record<string, unknown>>();
      const inserts = results.map((row) => {
        const places = Object.keys(row).map(() => "?");
        const insert = `INSERT INTO ${table} (${Object.keys(row).join(", ")}) VALUES (${places.join(", ")})`;
        // D1 gives what is compressed as a list of bytes, and takes it as an array of them.
        const values = Object.values(row).map((value) => (Array.isArray(value) ? new Uint8Array(value) : value));
        return REPLICA.prepare(insert).bind(...values);
      });
      await REPLICA.batch([REPLICA.prepare(`DELETE FROM ${table}`), ...inserts]);
    }
    return new ReplicatedD1(env.DB, REPLICA);
  }

  /** What a Worker's environment holds. */
  get binding(): D1Database {
    const outside = this.#session(null);
    return replaced(this.#primary, {
      prepare: outside.prepare,
      batch: outside.batch,
      withSession: (constraint = "first-unconstrained") => this.#session(constraint),
    });
  }

  /** Transactions that the replica does not have. */
  get lag(): number {
    return this.#log.length - this.#applied;
  }

  /** The replica takes the next `most` transactions; all that are missing when left out. */
  async replicate(most = Number.POSITIVE_INFINITY): Promise<void> {
    for (let n = 0; n < most; n++) {
      const next = this.#log[this.#applied];
      if (next === undefined) return;
      await this.#replica.batch(next.map(({ sql, params }) => this.#replica.prepare(sql).bind(...params)));
      this.#applied += 1;
    }
  }

  /** The next read is held until `work` is done, and answers as it found things before. */
  afterRead(work: () => Promise<void>): void {
    this.#between = work;
  }

  /** How many reads each answered since this was last asked. */
  counts(): { primary: number; replica: number } {
    const served = this.#served;
    this.#served = { primary: 0, replica: 0 };
    return served;
  }

  /** Without a constraint it is no session: the primary answers always. */
  #session(constraint: string | null): D1DatabaseSession {
    // The least that the session must see. Its first query decides where it begins.
    let at = constraint === null ? null : positionOf(constraint);
    let primary = constraint === null || constraint === "first-primary";
    const run = async <T>(statements: Statement[], on: (db: D1Database) => Promise<T>): Promise<T> => {
      const writes = statements.some(({ sql }) => isWrite(sql));
      const fit = !primary && this.#applied >= (at ?? 0) && !writes;
      if (fit && this.broken) throw new Error("D1_ERROR: Replica disconnected from primary.");
      const done = await on(fit ? this.#replica : this.#primary);
      const between = this.#between;
      this.#between = null;
      await between?.();
      if (writes) this.#log.push(statements);
      this.#served[fit ? "replica" : "primary"] += 1;
      at = Math.max(at ?? 0, fit ? this.#applied : this.#log.length);
      primary = constraint === null;
      return done;
    };
    const prepare = (sql: string) => statementOf({ sql, params: [] }, run);
    return {
      prepare,
      batch: (statements: Recorded[]) =>
        run(
          statements.map(({ recorded }) => recorded),
          (db) => db.batch(statements.map(({ recorded: { sql, params } }) => db.prepare(sql).bind(...params))),
        ),
      getBookmark: () => (at === null ? null : bookmarkAt(at)),
    } as unknown as D1DatabaseSession;
  }
}

type Migrations = Parameters<typeof applyD1Migrations>[1];
type Run = <T>(statements: Statement[], on: (db: D1Database) => Promise<T>) => Promise<T>;

interface Statement {
  sql: string;
  params: unknown[];
}

/** A prepared statement that is not of any database yet. */
interface Recorded {
  recorded: Statement;
}

function statementOf(recorded: Statement, run: Run): unknown {
  const { sql } = recorded;
  const on = <T>(use: (statement: D1PreparedStatement) => Promise<T>) =>
    run([recorded], (db) => use(db.prepare(sql).bind(...recorded.params)));
  return {
    recorded,
    bind: (...params: unknown[]) => statementOf({ sql, params }, run),
    all: () => on((statement) => statement.all()),
    run: () => on((statement) => statement.run()),
    raw: () => on((statement) => statement.raw()),
    first: (column?: string) => on((statement) => (column === undefined ? statement.first() : statement.first(column))),
  };
}

function isWrite(sql: string): boolean {
  return /\b(insert into|insert or|update|delete from)\b/i.test(sql);
}

/** In the shape and order of D1's own. */
function bookmarkAt(position: number): string {
  return `${position.toString(16).padStart(8, "0")}-00000000-00000000-${"0".repeat(32)}`;
}

/** Null for a constraint that is no bookmark. A bookmark of another database is refused as D1 would. */
function positionOf(constraint: string): number | null {
  if (constraint.startsWith("first-")) return null;
  if (!/^[0-9a-f]{8}-0{8}-0{8}-0{32}$/.test(constraint)) throw new Error(`D1_ERROR: no bookmark: ${constraint}`);
  return Number.parseInt(constraint.slice(0, 8), 16);
}
