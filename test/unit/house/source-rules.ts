import { posix } from "node:path";
import ts from "typescript";

/** One thing wrong with a source file, as a sentence. */
export type Violation = string;

interface Layer {
  /** Folder, with a slash at the end. */
  path: string;
  /** Folders whose modules it may import. Its own is always allowed. */
  layers: string[];
  /** Folders whose modules it may import as types only. */
  types: string[];
  /** npm packages, and built-in modules of the runtime. */
  packages: string[];
}

/** Who may import whom. The most specific folder decides. Folders that are not here may import anything. */
const LAYERS: Layer[] = [
  { path: "domain/", layers: [], types: [], packages: [] },
  { path: "contract/", layers: ["domain/"], types: [], packages: ["zod", "croner"] },
  { path: "client/", layers: ["contract/"], types: [], packages: [] },
  // What a user copies: it shows that the client is enough.
  { path: "examples/", layers: ["client/"], types: [], packages: ["cloudflare:workers", "node:crypto", "node:os"] },
  { path: "durable-objects/", layers: ["domain/", "contract/"], types: [], packages: ["cloudflare:workers"] },
  { path: "workers/db/", layers: ["domain/", "contract/"], types: [], packages: ["drizzle-orm"] },
  {
    path: "workers/gateway/",
    layers: ["domain/", "contract/", "workers/db/"],
    types: ["durable-objects/"],
    packages: ["hono", "zod", "uuidv7", "cloudflare:workers"],
  },
  {
    path: "workers/processor/",
    layers: ["domain/", "contract/", "workers/db/"],
    types: ["durable-objects/"],
    packages: ["standardwebhooks", "ipaddr.js", "zod", "cloudflare:workers"],
  },
];

/** The gateway's script owns the Durable Object classes, so its entry hands them on. */
const CLASS_REEXPORT = { file: "workers/gateway/index.ts", from: /^durable-objects\/[a-z-]+\/index\.ts$/ };

const MAX_LINES = 300;

interface Import {
  specifier: string;
  typeOnly: boolean;
  reexport: boolean;
}

/** Every import, re-export, `import()` and `import("...")` type of a module. */
function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean, reexport = false) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly, reexport });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(source);
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

function hasAny(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.AnyKeyword || (ts.forEachChild(node, hasAny) ?? false);
}

function checkImport(file: string, layer: Layer, item: Import): Violation[] {
  const { specifier, typeOnly } = item;
  if (!specifier.startsWith(".")) {
    const allowed = layer.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    return allowed ? [] : [`${file}: ${layer.path} may not import the package ${specifier}`];
  }
  const target = posix.join(posix.dirname(file), specifier);
  const extension = target.endsWith(".ts") ? [] : [`${file}: the import ${specifier} has no .ts at its end`];
  if (CLASS_REEXPORT.file === file && item.reexport && CLASS_REEXPORT.from.test(target)) return extension;
  const within = (folders: string[]) => folders.some((folder) => target.startsWith(folder));
  if (within([layer.path, ...layer.layers])) return extension;
  if (within(layer.types))
    return typeOnly ? extension : [`${file}: ${layer.path} may import ${target} as a type only`, ...extension];
  return [`${file}: ${layer.path} may not import ${target}`, ...extension];
}

/**
 * What is wrong with one file by the house's rules: its imports, its length (tests aside), `any`, and comments that
 * switch a check off. `file` is its path from the root of the repository, with slashes.
 */
export function violations(file: string, text: string): Violation[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const layer = LAYERS.filter(({ path }) => file.startsWith(path)).sort((a, b) => b.path.length - a.path.length)[0];
  const found = layer ? importsOf(source).flatMap((item) => checkImport(file, layer, item)) : [];
  const lines = text.trimEnd().split("\n").length;
  if (!file.startsWith("test/") && lines >= MAX_LINES) found.push(`${file}: has ${lines} lines, ${MAX_LINES} or more`);
  if (hasAny(source)) found.push(`${file}: says any`);
  const comment = /^.*(?:\/\/|\/\*).*(@ts-(?:ignore|nocheck|expect-error)|biome-ignore)/m.exec(text)?.[1];
  if (comment) found.push(`${file}: switches a check off with ${comment}`);
  return found;
}
