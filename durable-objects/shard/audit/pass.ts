import type { AuditViolation } from "../../../contract/rpc.ts";
import type { AuditPage, AuditView } from "../kernel/audit-rules.ts";
import type { PartContext } from "../kernel/part.ts";
import type { RowCursor } from "../kernel/row-walk.ts";
import { Findings } from "./findings.ts";
import type { RunningStage, Stage } from "./stages.ts";

/** Where a pass goes on after its object has died. A stage that remembers something begins anew: then `after` is null. */
export interface PassPosition {
  stage: string;
  after: RowCursor;
}

/** A pass as it is written down. */
export interface PassRecord {
  pass: number;
  /** Epoch milliseconds, as is `finishedAt`, which is null until the pass has ended. */
  startedAt: number;
  finishedAt: number | null;
  /** Rows that it has looked at, each as often as it did. */
  rows: number;
  violations: AuditViolation[];
}

/** One pass of the audit over the whole shard, in steps of a bounded number of rows. */
export class Pass {
  readonly number: number;
  readonly startedAt: number;
  readonly findings: Findings;
  readonly #shard: PartContext;
  readonly #stages: readonly Stage[];
  #rows: number;
  /** The position of the stage that is under way. */
  #index: number;
  #stage: RunningStage | null;

  constructor(
    shard: PartContext,
    stages: readonly Stage[],
    { pass, startedAt, rows, violations, position }: Omit<PassRecord, "finishedAt"> & { position: PassPosition | null },
  ) {
    this.number = pass;
    this.startedAt = startedAt;
    this.findings = new Findings(violations);
    this.#shard = shard;
    this.#stages = stages;
    this.#rows = rows;
    // A stage of that name is not there any more when other code goes on: then all of it begins anew.
    this.#index = Math.max(
      0,
      stages.findIndex(({ name }) => name === position?.stage),
    );
    this.#stage = this.#begin(position?.after ?? null);
  }

  get rows(): number {
    return this.#rows;
  }

  get done(): boolean {
    return this.#stage === null;
  }

  /** Null when the pass has come to its end. */
  get position(): PassPosition | null {
    const stage = this.#stages[this.#index];
    return stage === undefined || this.#stage === null ? null : { stage: stage.name, after: this.#stage.after };
  }

  /** Looks at the next rows, until it has seen about `limit` of them. */
  next(view: AuditView, limit: number): void {
    let left = limit;
    while (this.#stage !== null && left > 0) {
      const { rows, done, violations } = this.#page(this.#stage, view, left);
      this.findings.add(violations);
      this.#rows += rows;
      // A page without rows is no end of a step, but its end must come.
      left -= Math.max(rows, 1);
      if (done) this.#nextStage();
    }
  }

  /** Nobody goes on with it. */
  end(): void {
    this.#stage?.end();
    this.#stage = null;
  }

  record(finishedAt: number | null): PassRecord {
    const { number: pass, startedAt, rows } = this;
    return { pass, startedAt, finishedAt, rows, violations: this.findings.list() };
  }

  /** What cannot be read must not keep the pass from its end: it is a finding. */
  #page(stage: RunningStage, view: AuditView, limit: number): AuditPage {
    try {
      return stage.next(view, limit);
    } catch (error) {
      const what = error instanceof Error ? error.name : typeof error;
      const detail = `${this.#stages[this.#index]?.name} cannot be looked at to their end: ${what}`;
      return { rows: 0, done: true, violations: [{ rule: "audit-completes", detail }] };
    }
  }

  #nextStage(): void {
    this.#stage?.end();
    this.#index += 1;
    this.#stage = this.#begin(null);
  }

  #begin(after: RowCursor): RunningStage | null {
    return this.#stages[this.#index]?.begin(this.#shard, after) ?? null;
  }
}
