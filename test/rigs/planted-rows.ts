import { expect, test } from "vitest";
import type { Harness } from "./shard-harness.ts";

/** Statements that break rows as no step would, and the rule that has to name it. */
export type PlantedRows = [rule: string, what: string, ...statements: string[]];

/** A test for each: on a shard of the scene the statements are run, and the audit names the rule. */
export function testPlantedRows(scene: () => Harness, planted: readonly PlantedRows[]): void {
  test.each(planted)("names the rule %s for %s", (rule, _what, ...statements) => {
    const h = scene();
    for (const statement of statements) h.sql.run(statement);
    expect(h.broken()).toContain(rule);
  });
}
