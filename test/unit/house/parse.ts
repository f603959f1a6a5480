import { posix } from "node:path";
import ts from "typescript";

/** One thing wrong with the source tree, as a sentence that begins with the file. */
export type Violation = string;

/** The text of every file under its path from the root of the repository, with slashes. */
export type Files = ReadonlyMap<string, string>;

/** A check of the house: a pure function of the tree. */
export type Check = (files: Files) => Violation[];

/** The last tree of each path, so that several checks of the same text parse it once. */
const parsed = new Map<string, { text: string; source: ts.SourceFile }>();

/** The syntax tree of a file, whose nodes know their parents. */
export function parse(file: string, text: string): ts.SourceFile {
  const last = parsed.get(file);
  if (last?.text === text) return last.source;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  parsed.set(file, { text, source });
  return source;
}

/** Calls `visit` with each node of the tree below `node`, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The place of a node as an editor understands it: `file:line`. */
export function placeOf(source: ts.SourceFile, position: number): string {
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(position).line + 1}`;
}

export interface Import {
  specifier: string;
  typeOnly: boolean;
  reexport: boolean;
}

/** Every import, re-export, `import()` and `import("...")` type of a module. */
export function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean, reexport = false) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly, reexport });
  };
  walk(source, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
  });
  return found;
}

function isTypeImport(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const bindings = clause.namedBindings;
  return (
    clause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.length > 0 &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

/** The path that a relative import of `file` means, or null for a package. */
export function targetOf(file: string, specifier: string): string | null {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : null;
}

/** The files of this repository that a module imports, types too, each once. They need not exist. */
export function importedFiles(file: string, text: string): string[] {
  const targets = importsOf(parse(file, text)).map(({ specifier }) => targetOf(file, specifier));
  return [...new Set(targets.filter((target) => target !== null))];
}
