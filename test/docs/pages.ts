import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, blocksOf } from "./blocks.ts";

export const ROOT = join(import.meta.dirname, "../..");

export interface Page {
  /** From the root of the repository. */
  path: string;
  blocks: Block[];
}

/** The README and every guide, with their blocks. Throws for a block of which nobody has said what to do with it. */
export function pages(): Page[] {
  return ["README.md", ...globSync("docs/*.md", { cwd: ROOT }).sort()].map((path) => {
    try {
      return { path, blocks: blocksOf(readFileSync(join(ROOT, path), "utf8")) };
    } catch (error) {
      throw new Error(`${path}, ${error instanceof Error ? error.message : error}`);
    }
  });
}
