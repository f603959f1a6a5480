import type { AuditViolation } from "../../../contract/rpc.ts";
import type { SqlRow } from "../../sql.ts";
import type { AuditView } from "../kernel/audit-rules.ts";
import type { Engine } from "../kernel/engine.ts";
import { Part, type PartContext } from "../kernel/part.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import type { Findings } from "./findings.ts";
import { Pass, type PassPosition, type PassRecord } from "./pass.ts";
import { type Stage, stagesOf } from "./stages.ts";

/** How far a pass is, is written down this often: an object that dies loses no more of its work. */
const WRITE_EVERY_MS = 10_000;

interface AuditRow extends SqlRow {
  pass: number;
  started_at: number;
  finished_at: number | null;
  rows: number;
  position: string | null;
  violations: string;
}

/**
 * The last full pass of the audit, and the one that is under way. A pass reads and changes nothing, so what is remembered of
 * it need not follow a commit: the rows are where it goes on after the object has died. One that ends in the call in which
 * it began is not written down.
 */
export class AuditState {
  readonly #shard: PartContext;
  readonly #stages: readonly Stage[];
  #last: PassRecord | null = null;
  #running: Pass | null = null;
  /** When the running pass was written down, epoch milliseconds; null: it was not. */
  #writtenAt: number | null = null;

  constructor(shard: PartContext) {
    this.#shard = shard;
    this.#stages = stagesOf(shard.subsystems.filter(isSubsystem));
    for (const row of shard.sql.all<AuditRow>("SELECT * FROM audit ORDER BY pass")) {
      try {
        this.#load(row);
      } catch {
        // A pass that cannot be read is lost, and the next begins at the beginning.
      }
    }
  }

  get last(): PassRecord | null {
    return this.#last;
  }

  get running(): Pass | null {
    return this.#running;
  }

  /** Goes on with the pass that is under way, or begins one: about `rows` further. */
  walk(engine: Engine, view: AuditView, rows: number): void {
    const pass = this.#running ?? this.#begin(view.now);
    this.#running = pass;
    pass.next(view, rows);
    for (const { audit } of engine.subsystems) pass.findings.add(audit?.moment?.(view) ?? []);
    if (pass.done) this.#finish(engine, pass, view.now);
    else if (this.#writtenAt === null || Math.abs(view.now - this.#writtenAt) >= WRITE_EVERY_MS) {
      this.#write(engine, pass.record(null), pass.position);
      this.#writtenAt = view.now;
    }
  }

  /** Looks at the whole shard where that is no more than about `rows` rows; else null. What is under way is left alone. */
  look(view: AuditView, rows: number): Findings | null {
    const pass = this.#begin(view.now);
    pass.next(view, rows);
    const { done } = pass;
    pass.end();
    if (!done) return null;
    this.#last = pass.record(view.now);
    return pass.findings;
  }

  #begin(now: number): Pass {
    const pass = Math.max(this.#last?.pass ?? 0, this.#running?.number ?? 0) + 1;
    return new Pass(this.#shard, this.#stages, { pass, startedAt: now, rows: 0, violations: [], position: null });
  }

  #finish(engine: Engine, pass: Pass, now: number): void {
    const record = pass.record(now);
    if (this.#writtenAt !== null) this.#write(engine, record, null);
    this.#last = record;
    this.#running = null;
    this.#writtenAt = null;
  }

  /** 1 row, and 1 for the pass before that is forgotten. */
  #write(
    engine: Engine,
    { pass, startedAt, finishedAt, rows, violations }: PassRecord,
    position: PassPosition | null,
  ): void {
    engine.step(({ sql }) => {
      if (finishedAt !== null) sql.run("DELETE FROM audit WHERE pass <> ?", pass);
      sql.run(
        `INSERT INTO audit (pass, started_at, finished_at, rows, position, violations) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (pass) DO UPDATE SET finished_at = excluded.finished_at, rows = excluded.rows,
           position = excluded.position, violations = excluded.violations`,
        pass,
        startedAt,
        finishedAt,
        rows,
        position === null ? null : JSON.stringify(position),
        JSON.stringify(violations),
      );
    });
  }

  #load(row: AuditRow): void {
    const record: PassRecord = {
      pass: row.pass,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      rows: row.rows,
      violations: JSON.parse(row.violations) as AuditViolation[],
    };
    if (row.finished_at !== null) this.#last = record;
    else {
      const position = row.position === null ? null : (JSON.parse(row.position) as PassPosition);
      this.#running = new Pass(this.#shard, this.#stages, { ...record, position });
      this.#writtenAt = 0;
    }
  }
}

export const AUDIT = new Part("audit", (shard) => new AuditState(shard));

function isSubsystem(candidate: object): candidate is Subsystem {
  return "name" in candidate;
}
