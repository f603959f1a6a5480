import type { AuditViolation } from "../../../contract/rpc.ts";
import { MAX_NAMED } from "../kernel/audit-rules.ts";

/** What a pass has found: each thing once, and a few of each rule, so that an answer stays small. */
export class Findings {
  readonly #byRule = new Map<string, Set<string>>();

  constructor(known: readonly AuditViolation[] = []) {
    this.add(known);
  }

  add(violations: readonly AuditViolation[]): void {
    for (const { rule, detail } of violations) {
      const details = this.#byRule.get(rule) ?? new Set<string>();
      this.#byRule.set(rule, details);
      if (details.size < MAX_NAMED) details.add(detail);
    }
  }

  get size(): number {
    let size = 0;
    for (const details of this.#byRule.values()) size += details.size;
    return size;
  }

  list(): AuditViolation[] {
    return [...this.#byRule].flatMap(([rule, details]) => [...details].map((detail) => ({ rule, detail })));
  }
}
