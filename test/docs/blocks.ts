/**
 * The fenced blocks of the README and the guides, and what is done with each. The info string says it: its first word is the
 * language, the second, where there is one, is a word of the tables below.
 */

/** Why a command block is not run by the test of the documents. */
export const NOT_RUN = {
  start: "it starts the platform that the other blocks of the page talk to",
  deploy: "it needs an account of Cloudflare",
} as const;

/** Why a program is checked for its types and not run. */
export const NOT_STARTED = {
  worker: "it is a Cloudflare Worker, or serves until somebody stops it; examples/ has one that is run",
} as const;

type CommandReason = keyof typeof NOT_RUN;
type ProgramReason = keyof typeof NOT_STARTED;

interface At {
  code: string;
  /** Of the fence, from 1. */
  line: number;
}

export type Block = At &
  (
    | { kind: "command"; skipped: CommandReason | null }
    | { kind: "program"; skipped: ProgramReason | null; language: "ts" | "js" }
    /** A file of the reader's copy that the page asks for. With `line`, only the line of it that begins alike. */
    | { kind: "file"; path: string; whole: boolean }
    /** What the block before it prints: JSON with these members and no others (`part`: and maybe others), or lines. */
    | { kind: "output"; format: "json" | "part" | "text" }
    | { kind: "settings" }
  );

interface Fence extends At {
  info: string;
}

/** All fenced blocks of a Markdown text. Throws when the last one is not closed. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; line: number; lines: string[] } | null = null;
  for (const [i, text] of markdown.split("\n").entries()) {
    const fence = /^\s*```(.*)$/.exec(text);
    if (open === null) {
      if (fence) open = { info: (fence[1] ?? "").trim(), line: i + 1, lines: [] };
    } else if (fence) {
      fences.push({ info: open.info, line: open.line, code: open.lines.join("\n") });
      open = null;
    } else open.lines.push(text);
  }
  if (open !== null) throw new Error(`the block of line ${open.line} is not closed`);
  return fences;
}

const isKey = <T extends object>(table: T, word: string): word is keyof T & string => Object.hasOwn(table, word);

function commandOf(at: At, word: string): Block | null {
  if (word === "") return { ...at, kind: "command", skipped: null };
  return isKey(NOT_RUN, word) ? { ...at, kind: "command", skipped: word } : null;
}

function programOf(at: At, language: "ts" | "js", word: string): Block | null {
  const [setting = "", path = ""] = word.split("=");
  if (setting === "file" || setting === "line") return { ...at, kind: "file", path, whole: setting === "file" };
  if (word === "") return { ...at, kind: "program", language, skipped: null };
  return isKey(NOT_STARTED, word) ? { ...at, kind: "program", language, skipped: word } : null;
}

function blockOf({ info, ...at }: Fence): Block | null {
  const [language = "", word = "", ...more] = info.split(/\s+/);
  if (more.length > 0) return null;
  if (["sh", "bash", "console"].includes(language)) return commandOf(at, word);
  if (language === "ts" || language === "js") return programOf(at, language, word);
  if (language === "json" && (word === "" || word === "part"))
    return { ...at, kind: "output", format: word === "part" ? "part" : "json" };
  if (language === "text" && word === "") return { ...at, kind: "output", format: "text" };
  return language === "toml" && word === "" ? { ...at, kind: "settings" } : null;
}

/**
 * The blocks of a page, in order. Throws for a block of which nobody has said what to do with it, and for an output that no
 * block prints.
 */
export function blocksOf(markdown: string): Block[] {
  let printing = false;
  return fencesOf(markdown).map((fence) => {
    const block = blockOf(fence);
    if (block === null) throw new Error(`line ${fence.line}: the test knows no block of the kind \`\`\`${fence.info}`);
    if (block.kind === "output" && !printing)
      throw new Error(`line ${block.line}: no block before this output prints it`);
    printing = (block.kind === "command" || block.kind === "program") && block.skipped === null;
    return block;
  });
}
