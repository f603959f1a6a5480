import type { Sql } from "../../sql.ts";
import { Part, type StepScope } from "../kernel/part.ts";

/** How far the deletion of a namespace is here. `doneAt`: when nothing was left, epoch milliseconds; null before. */
export interface Deletion {
  name: string;
  /** Of the namespace's settings by which this shard last looked. */
  version: number;
  jobs: number;
  doneAt: number | null;
}

/** Every statement on `namespace_deletions`, and the same in memory: mostly there are none. */
export class DeletionStore {
  readonly #sql: Sql;
  readonly #known: Map<string, Deletion>;

  constructor(sql: Sql) {
    this.#sql = sql;
    const rows = sql.all<Deletion & { [column: string]: string | number | null }>(
      "SELECT name, version, jobs, done_at AS doneAt FROM namespace_deletions",
    );
    this.#known = new Map(rows.map((row) => [row.name, { ...row }]));
  }

  find(name: string): Deletion | null {
    return this.#known.get(name) ?? null;
  }

  all(): Deletion[] {
    return [...this.#known.values()];
  }

  save(step: StepScope, deletion: Deletion): void {
    const { name, version, jobs, doneAt } = deletion;
    this.#sql.run("INSERT OR REPLACE INTO namespace_deletions VALUES (?, ?, ?, ?)", name, version, jobs, doneAt);
    step.onCommit(() => this.#known.set(name, deletion));
  }

  remove(step: StepScope, name: string): void {
    this.#sql.run("DELETE FROM namespace_deletions WHERE name = ?", name);
    step.onCommit(() => this.#known.delete(name));
  }
}

export const DELETIONS = new Part("deletions of namespaces", ({ sql }) => new DeletionStore(sql));
