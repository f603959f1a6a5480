/**
 * Modules whose functions a mutant can replace. A test says `vi.mock(path, async (original) => breakable(await original()))`;
 * until `breakRules` names a function it is the original.
 */
import type { Break, Rule } from "./mutant.ts";

let broken: Record<string, Break> = {};

export function breakRules(rules: Record<string, Break>): void {
  broken = rules;
}

export function breakable(module: object): object {
  return Object.fromEntries(
    Object.entries(module).map(([name, value]) => [name, typeof value === "function" ? switched(name, value) : value]),
  );
}

function switched(name: string, original: Rule): Rule {
  return (...args) => {
    const rule = broken[name];
    return rule === undefined ? original(...args) : rule(original, args);
  };
}
