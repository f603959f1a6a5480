import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { shellQuoted } from "../../scripts/env-file.ts";
import { freePort } from "../../scripts/platform.ts";
import type { Block } from "./blocks.ts";
import { differences, lastJson, missingLines, type Names } from "./compare.ts";

const PAGE_MS = 60_000;

/** What a reader has to have: the commands of a page find no others. */
const TOOLS = ["sh", "curl", "node", "cat", "sleep"];

/** Where a page is run. */
interface Reader {
  /** Their copy of the repository, in which they type the commands. */
  folder: string;
  /** What `npm start` has written for them to source: the `.dure/env.sh` of the page. */
  envFile: string;
}

/** The file that pages source, and the port on which their own small servers listen: a run has others. */
const ENV_FILE = ".dure/env.sh";
const OWN_PORT = "8790";

/**
 * Runs the blocks of a page as its reader does: one after the other, in one shell, until one fails. Returns what is wrong, with
 * the line of the block: its failure, or what it printed where the page shows something else.
 */
export async function runPage(blocks: Block[], reader: Reader): Promise<string[]> {
  const bin = mkdtempSync(join(tmpdir(), "dure-docs-"));
  try {
    const script = join(bin, "page.sh");
    const port = String(await freePort());
    const text = scriptOf(blocks, bin).replaceAll(ENV_FILE, shellQuoted(reader.envFile)).replaceAll(OWN_PORT, port);
    writeFileSync(script, text);
    const { output, errors, status } = await shell(script, reader.folder, bin);
    const printed = piecesOf(output);
    const last = Math.max(...printed.keys());
    const wrong = status === 0 ? [] : [`line ${last}: ended with ${status}: ${piecesOf(errors).get(last)}`];
    return [...wrong, ...wrongOutputs(blocks, printed)];
  } finally {
    rmSync(bin, { recursive: true });
  }
}

const mark = (line: number) => `-- the block of line ${line} --`;

function scriptOf(blocks: Block[], home: string): string {
  const steps = blocks.flatMap((block) => {
    const here = `printf '\\n%s\\n' '${mark(block.line)}'`;
    const both = `${here}; ${here} >&2`;
    if (block.kind === "command" && block.skipped === null) return [both, block.code];
    if (block.kind !== "program" || block.skipped !== null) return [];
    const file = join(home, `program-${block.line}`);
    writeFileSync(file, block.code);
    // A reader's own Node runs JavaScript; TypeScript needs that of the repository.
    const node = block.language === "ts" ? shellQuoted(process.execPath) : "node";
    const flag = block.language === "ts" ? "--input-type=module-typescript" : "--input-type=module";
    return [both, `${node} --no-warnings ${flag} < ${shellQuoted(file)}`];
  });
  return ["set -e", ...steps].join("\n");
}

/** A folder with the tools, each as the machine has it outside of the repository's own packages. */
function toolsIn(folder: string): string {
  const path = (process.env.PATH ?? "").split(delimiter).filter((entry) => !entry.includes("node_modules"));
  mkdirSync(join(folder, "bin"));
  for (const tool of TOOLS) {
    const found = execFileSync("env", ["-i", `PATH=${path.join(delimiter)}`, "/bin/sh", "-c", `command -v ${tool}`]);
    symlinkSync(found.toString().trim(), join(folder, "bin", tool));
  }
  return join(folder, "bin");
}

interface Ended {
  output: string;
  errors: string;
  /** Null when it was killed: its time was up. */
  status: number | null;
}

function shell(script: string, cwd: string, home: string): Promise<Ended> {
  const child = spawn("env", ["-i", `PATH=${toolsIn(home)}`, `HOME=${home}`, "/bin/sh", script], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // A group of its own: what a page leaves running in the background ends with it.
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(end, PAGE_MS);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => {
      clearTimeout(timer);
      try {
        end();
      } catch {
        // Nothing of the group is left.
      }
    });
    child.once("close", (status) => resolve({ output, errors, status }));
  });
}

/** What was printed since the mark of each block, by its line. */
function piecesOf(output: string): Map<number, string> {
  const pieces = output.split(/\n-- the block of line (\d+) --\n/);
  const found = new Map<number, string>([[0, pieces[0] ?? ""]]);
  for (let i = 1; i < pieces.length; i += 2) found.set(Number(pieces[i]), pieces[i + 1] ?? "");
  return found;
}

function wrongOutputs(blocks: Block[], printed: Map<number, string>): string[] {
  const names: Names = new Map();
  return blocks.flatMap((block, i) => {
    const output = printed.get(blocks[i - 1]?.line ?? 0);
    if (block.kind !== "output" || output === undefined) return [];
    return wrongIn(block, output, names).map((what) => `line ${block.line}: ${what}`);
  });
}

function wrongIn(block: Block & { kind: "output" }, output: string, names: Names): string[] {
  if (block.format === "text")
    return missingLines(block.code, output, names).map((line) => `${line}\nis not in\n${output}`);
  try {
    return differences(JSON.parse(block.code), lastJson(output), { names, part: block.format === "part" });
  } catch (error) {
    return [String(error)];
  }
}
