import { globSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { build, type Plugin as EsbuildPlugin } from "esbuild";
import type { Plugin } from "vitest/config";

const ROOT = join(import.meta.dirname, "..");
/** Where the modules of the bundle say that they are. There is no such folder. */
const FOLDER = join(ROOT, "test/bundle");
/** What vitest runs as the Worker, and what it loads before each file. */
const MAIN = join(ROOT, "test/limits/gateway.ts");
const FILES = "test/workers/{*.test,setup}.ts";
/** An import of values: those of types are gone when it runs. */
const IMPORT = /^import (?!type )[^;]*?from "([^"]+)";$/gms;
/** The runtime has it, or the runner of the tests. */
const GIVEN = /^(cloudflare:|node:|vitest$)/;

interface Bundle {
  /** The module to load, by what is imported: a file's absolute path, or a package. */
  entries: Map<string, string>;
  /** The code of each module, by its path. */
  modules: Map<string, string>;
}

/** One for all projects that have the plugin. */
let bundle: Promise<Bundle> | null = null;
/** Of each module, by its path: its source map, and the lines that Vite puts before it, one for each export and import. */
const origins = new Map<string, { sourceMap: SourceMap; before: number }>();

/**
 * Everything that the files of `test/workers` import, as one module. A runtime loads module by module, over a socket, and with
 * all of the platform's that was half of what a file took. The bundle is the same for all files, and has each module once,
 * whoever imports it, as in a deployment; the files themselves are loaded as they are.
 */
export function workersBundle(): Plugin {
  let watches = false;
  return {
    name: "dure:workers-bundle",
    enforce: "pre",
    configResolved({ test }) {
      // Whoever watches waits for what has changed, and a bundle is of its beginning.
      watches = test?.watch === true;
    },
    async resolveId(id, importer) {
      if (watches) return null;
      bundle ??= bundled();
      const { entries, modules } = await bundle;
      const path = id.startsWith(".") && importer !== undefined ? resolve(dirname(importer), id) : id;
      // Vite asks for a module of the bundle by its path from the root.
      return entries.get(path) ?? [path, join(ROOT, path)].find((at) => modules.has(at)) ?? null;
    },
    async load(id) {
      const code = (await bundle)?.modules.get(id);
      // Each runtime would be sent the map, three times as long as the code. What fails is told by `toSource` where it comes from.
      return code === undefined ? null : { code, map: { mappings: "" } };
    },
  };
}

export interface Frame {
  file: string;
  line: number;
  column: number;
}

/** Turns a frame of a stack that lies in the bundle into that of the source. */
export function toSource(frame: Frame): void {
  const { sourceMap, before = 0 } = origins.get(frame.file) ?? {};
  const entry = sourceMap?.findEntry(frame.line - before - 1, frame.column - 1);
  if (entry === undefined || !("originalSource" in entry)) return;
  frame.file = resolve(FOLDER, entry.originalSource);
  frame.line = entry.originalLine + 1;
  frame.column = entry.originalColumn + 1;
}

async function bundled(): Promise<Bundle> {
  const imported = [...new Set([MAIN, ...globSync(FILES, { cwd: ROOT }).flatMap(importsOf)])];
  const result = await build({
    entryPoints: imported.map(entryOf),
    plugins: [withAll(imported)],
    absWorkingDir: ROOT,
    outdir: FOLDER,
    metafile: true,
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*", "vitest"],
    loader: { ".html": "text", ".txt": "text", ".sql": "text" },
    minifyWhitespace: true,
    // Vite keeps the lines of what it transforms, and not the columns.
    lineLimit: 80,
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "error",
  });
  const { outputs } = result.metafile;
  const texts = new Map(result.outputFiles.map(({ path, text }) => [relative(ROOT, path), text]));
  const modules = new Map<string, string>();
  for (const [output, { exports, imports }] of Object.entries(outputs).filter(([output]) => output.endsWith(".js"))) {
    const before = exports.length + imports.filter(({ kind }) => kind === "import-statement").length;
    const sourceMap = new SourceMap(JSON.parse(texts.get(`${output}.map`) ?? ""));
    origins.set(join(ROOT, output), { sourceMap, before });
    modules.set(join(ROOT, output), texts.get(output) ?? "");
  }
  return { entries: new Map(imported.map((path) => [path, join(FOLDER, `${entryOf(path)}.js`)])), modules };
}

function importsOf(file: string): string[] {
  const imports = readFileSync(join(ROOT, file), "utf8").matchAll(IMPORT);
  return Array.from(imports, ([, from = ""]) => from)
    .filter((from) => !GIVEN.test(from))
    .map((from) => (from.startsWith(".") ? resolve(ROOT, dirname(file), from) : from));
}

/**
 * The name of an entry, of what it is alone: Vitest keeps the files of tests from run to run as they were when they were last changed,
 * with the names of what they import.
 */
function entryOf(imported: string): string {
  return `entry-${(isAbsolute(imported) ? relative(ROOT, imported) : imported).replaceAll(/\W+/g, "-")}`;
}

/**
 * esbuild makes a module for each set of entries that have something in common: each of these has all that the platform is. A
 * package that only one file of tests imports stays apart.
 */
function withAll(imported: string[]): EsbuildPlugin {
  const byEntry = new Map(imported.map((path) => [entryOf(path), path]));
  const all = imported.filter(isAbsolute).map((path) => `import ${JSON.stringify(path)};`);
  return {
    name: "with-all",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(entry-.+|all)$/ }, ({ path }) => ({ path, namespace: "entry" }));
      onLoad({ filter: /^all$/, namespace: "entry" }, () => ({ contents: all.join("\n"), resolveDir: ROOT }));
      onLoad({ filter: /^entry-/, namespace: "entry" }, ({ path: entry }) => {
        const path = byEntry.get(entry) ?? "";
        const quoted = JSON.stringify(path);
        const own = `export * from ${quoted}; import * as own from ${quoted}; export default own.default;`;
        return { contents: isAbsolute(path) ? `import "all"; ${own}` : own, resolveDir: ROOT };
      });
    },
  };
}
