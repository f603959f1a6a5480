import { afterAll, expect } from "vitest";
import { secretsIn } from "../rigs/secret-shapes.ts";

const LEVELS = ["debug", "error", "info", "log", "trace", "warn"] as const;

/**
 * For a suite of faults: everything that the Workers and objects write to the console while its file runs has neither these
 * canaries nor anything of the shape of a secret. It is written all the same.
 */
export function watchConsole(canaries: Record<string, string>): void {
  const lines: string[] = [];
  for (const level of LEVELS) {
    const write = console[level].bind(console);
    console[level] = (...args: unknown[]) => {
      lines.push(args.map((arg) => (arg instanceof Error ? `${arg.stack} ${arg.message}` : String(arg))).join(" "));
      write(...args);
    };
  }
  afterAll(() => {
    // A suite of faults of which nothing is logged is not being watched.
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => secretsIn(line, canaries).length > 0)).toEqual([]);
  });
}
