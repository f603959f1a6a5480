import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Block } from "./blocks.ts";

type FileBlock = Block & { kind: "file" };

/** What a platform is started from, and nothing that may be there beside it. */
const LEFT_OUT = ["node_modules", ".git", ".dure", ".wrangler", "test", "bench", "data", "docs"];

/** Copies the repository at `root` into the folder, which may be empty or not there, and makes the files that a page asks for. */
export function copyWith(files: FileBlock[], root: string, folder: string): void {
  cpSync(root, folder, { recursive: true, filter: (path) => path === root || !LEFT_OUT.includes(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { path, whole, code } of files) {
    const file = join(folder, path);
    writeFileSync(file, whole ? `${code}\n` : withLine(readFileSync(file, "utf8"), code));
  }
}

/** The text with a line in the place of the one that is the same up to its `=`. Throws when it has none. */
export function withLine(text: string, line: string): string {
  const start = line.slice(0, line.indexOf("=") + 1);
  const lines = text.split("\n");
  const at = lines.findIndex((candidate) => candidate.startsWith(start));
  if (at < 0) throw new Error(`no line begins with ${start}`);
  return lines.with(at, line).join("\n");
}
