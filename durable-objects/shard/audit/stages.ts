import type { AuditPage, AuditView, AuditWalk, RowRules } from "../kernel/audit-rules.ts";
import type { PartContext } from "../kernel/part.ts";
import { type RowCursor, RowWalk } from "../kernel/row-walk.ts";
import type { Subsystem } from "../kernel/subsystem.ts";

/** One of the walks that a pass is made of, as it is under way. */
export interface RunningStage extends AuditWalk {
  /** Where it goes on, if that outlives the object; null: it begins anew then. */
  readonly after: RowCursor;
}

export interface Stage {
  readonly name: string;
  /** `after` is what an earlier object had come to. */
  begin(shard: PartContext, after: RowCursor): RunningStage;
}

/** The walks of a pass: one along each table with rules, whoever has them, and those that remember something. */
export function stagesOf(subsystems: readonly Subsystem[]): Stage[] {
  const audits = subsystems.flatMap(({ audit }) => audit ?? []);
  const byTable = Map.groupBy(
    audits.flatMap(({ rows }) => rows ?? []),
    ({ table }) => table,
  );
  const tables = [...byTable.values()].flatMap(rowStage);
  const walks = audits
    .flatMap(({ walks: own }) => own ?? [])
    .map(({ name, begin }): Stage => {
      return { name, begin: (shard) => remembering(begin(shard)) };
    });
  return [...tables, ...walks];
}

function rowStage(sameTable: readonly RowRules[]): Stage[] {
  const [first] = sameTable;
  if (first === undefined) return [];
  const walk = new RowWalk({ ...first, rules: sameTable.flatMap(({ rules }) => rules) });
  return [{ name: `rows of ${first.table}`, begin: (_, after) => new RowStage(walk, after) }];
}

/** A walk along a table remembers nothing but its place. */
class RowStage implements RunningStage {
  readonly #walk: RowWalk;
  after: RowCursor;

  constructor(walk: RowWalk, after: RowCursor) {
    this.#walk = walk;
    this.after = after;
  }

  next(view: AuditView, limit: number): AuditPage {
    const { after, ...page } = this.#walk.next(view, this.after, limit);
    this.after = after;
    return page;
  }

  end(): void {
    // It follows nothing.
  }
}

function remembering(walk: AuditWalk): RunningStage {
  return { after: null, next: (view, limit) => walk.next(view, limit), end: () => walk.end() };
}
