import ts from "typescript";
import { type Files, type Import, importsOf, parse, targetOf, type Violation } from "./parse.ts";

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
  // A package of its own: of the contract it has what is generated, and these functions, which need no schema library.
  { path: "client/", layers: ["contract/progress-patch.ts"], types: [], packages: [] },
  // What a user copies: it shows that the client is enough, by the name under which it is installed.
  {
    path: "examples/",
    layers: [],
    types: [],
    packages: ["@dure/client", "cloudflare:workers", "node:crypto", "node:os"],
  },
  {
    path: "durable-objects/",
    layers: ["domain/", "contract/"],
    types: [],
    packages: ["cloudflare:workers", "@noble/hashes"],
  },
  { path: "workers/db/", layers: ["domain/", "contract/", "workers/crypto/"], types: [], packages: ["drizzle-orm"] },
  // Both Workers seal and open; what is sealed is text to everybody else.
  { path: "workers/crypto/", layers: ["domain/"], types: [], packages: [] },
  {
    path: "workers/gateway/",
    layers: ["domain/", "contract/", "workers/db/", "workers/crypto/"],
    types: ["durable-objects/"],
    packages: ["hono", "zod", "uuidv7", "cloudflare:workers"],
  },
  {
    path: "workers/processor/",
    layers: ["domain/", "contract/", "workers/db/", "workers/crypto/"],
    types: ["durable-objects/"],
    packages: ["standardwebhooks", "ipaddr.js", "zod", "cloudflare:workers"],
  },
];

/** The gateway's script owns the Durable Object classes, so its entry hands them on. */
const CLASS_REEXPORT = {
  file: "workers/gateway/index.ts",
  from: /^durable-objects\/(shard\/shard|(directory|rate-limiter|service|transaction)\/index)\.ts$/,
};

function hasAny(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.AnyKeyword || (ts.forEachChild(node, hasAny) ?? false);
}

/** The one file that makes stubs of objects, because they have to be placed: an object never moves. */
const STUBS = "contract/object-stub.ts";
const STUB_MAKERS = new Set(["getByName", "idFromName", "idFromString", "newUniqueId", "jurisdiction"]);

/** Whether a file of the platform makes a stub, or the id of one, by itself. */
function makesStub(node: ts.Node): boolean {
  const { expression: called } = ts.isCallExpression(node) ? node : { expression: null };
  const maker = called !== null && ts.isPropertyAccessExpression(called) && STUB_MAKERS.has(called.name.text);
  return maker || (ts.forEachChild(node, makesStub) ?? false);
}

function checkImport(file: string, layer: Layer, item: Import): Violation[] {
  const { specifier, typeOnly } = item;
  const target = targetOf(file, specifier);
  if (target === null) {
    const allowed = layer.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    return allowed ? [] : [`${file}: ${layer.path} may not import the package ${specifier}`];
  }
  const extension = /\.(ts|mjs)$/.test(target) ? [] : [`${file}: the import ${specifier} has no .ts at its end`];
  if (CLASS_REEXPORT.file === file && item.reexport && CLASS_REEXPORT.from.test(target)) return extension;
  const within = (folders: string[]) => folders.some((folder) => target.startsWith(folder));
  if (within([layer.path, ...layer.layers])) return extension;
  if (within(layer.types))
    return typeOnly ? extension : [`${file}: ${layer.path} may import ${target} as a type only`, ...extension];
  return [`${file}: ${layer.path} may not import ${target}`, ...extension];
}

/**
 * What is wrong with one file by the house's rules: its imports, `any`, and comments that switch a check off. `file`
 * is its path from the root of the repository, with slashes.
 */
export function violations(file: string, text: string): Violation[] {
  const source = parse(file, text);
  const layer = LAYERS.filter(({ path }) => file.startsWith(path)).sort((a, b) => b.path.length - a.path.length)[0];
  const found = layer ? importsOf(source).flatMap((item) => checkImport(file, layer, item)) : [];
  if (hasAny(source)) found.push(`${file}: says any`);
  if (layer !== undefined && file !== STUBS && makesStub(source)) {
    found.push(`${file}: makes a stub of an object by itself, and not by ${STUBS}`);
  }
  const comment = /^.*(?:\/\/|\/\*).*(@ts-(?:ignore|nocheck|expect-error)|biome-ignore)/m.exec(text)?.[1];
  if (comment) found.push(`${file}: switches a check off with ${comment}`);
  return found;
}

/** The same of every file of the tree. */
export function imports(files: Files): Violation[] {
  return [...files].flatMap(([file, text]) => violations(file, text));
}
