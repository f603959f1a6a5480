import { dirname, join } from "node:path";
import ts from "typescript";
import type { Block } from "./blocks.ts";

/** A program of a page, where its reader would save it: at the root of the repository. */
interface Program {
  page: string;
  block: Block & { kind: "program" | "file" };
}

/** What the compiler says of the programs, under the settings of the repository. */
export function typeErrors(root: string, programs: Program[]): string[] {
  const options = optionsOf(root);
  const virtual = new Map(programs.map((program) => [pathOf(root, program), program.block.code]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const code = virtual.get(path);
    return code === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, code, language);
  };
  const program = ts.createProgram([...virtual.keys()], options, host);
  return [...virtual.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
        return `${path.slice(root.length + 1)}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      },
    );
  });
}

function optionsOf(root: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  return { ...ts.parseJsonConfigFileContent(config, ts.sys, root).options, allowJs: true, checkJs: true };
}

/** A file of the page is checked where it is to be; any other program beside the README. */
function pathOf(root: string, { page, block }: Program): string {
  const name = `${page.replaceAll("/", "-")}-${block.line}`;
  if (block.kind === "file") return join(root, dirname(block.path), `${name}.ts`);
  return join(root, `${name}.${block.language}`);
}
