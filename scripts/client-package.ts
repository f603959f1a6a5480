import { globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const CLIENT = join(ROOT, "client");
const SRC = join(CLIENT, "src");
const DIST = join(CLIENT, "dist");
const ENTRIES = ["index", "binding", "consumer", "webhooks"].map((name) => `src/${name}.ts`);

/** What the built client is made of. */
const SOURCES = [
  "client/src/**/*.ts",
  "client/*.json",
  "contract/{json-text,limits,progress-patch}.ts",
  "domain/json/*.ts",
  "scripts/client-package.ts",
];

/** Builds the client unless it is there and current. The examples and the tests of the package need it. */
export async function ensureClient(): Promise<void> {
  if (clientIsStale()) await buildClient();
}

/** The client as it is published: bundled modules, and a declaration for each source, in `client/dist`. */
export async function buildClient(): Promise<void> {
  // Others may read the old files meanwhile.
  const folder = join(ROOT, `node_modules/.client-${process.pid}`);
  try {
    await bundle(folder);
    await declare(folder);
    rmSync(DIST, { recursive: true, force: true });
    renameSync(folder, DIST);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(outdir: string): Promise<void> {
  // Most who ask whether the client is current need no bundler.
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: CLIENT,
    entryPoints: ENTRIES,
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    chunkNames: "chunk-[hash]",
    logLevel: "warning",
  });
}

/** What each source exports says its own type, so that its declarations come from it alone. */
async function declare(outdir: string): Promise<void> {
  const { default: ts } = await import("typescript");
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    isolatedDeclarations: true,
    declaration: true,
    stripInternal: true,
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
  };
  for (const file of globSync("**/*.ts", { cwd: SRC })) {
    const source = readFileSync(join(SRC, file), "utf8");
    const { outputText, diagnostics } = ts.transpileDeclaration(source, { compilerOptions, fileName: file });
    const [first] = diagnostics ?? [];
    if (first !== undefined) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(first.messageText, " ")}`);
    const target = join(outdir, file.replace(/\.ts$/, ".d.ts"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  }
}

/** Whether the built client is missing, or older than what it is made of. */
function clientIsStale(): boolean {
  const newest = Math.max(...globSync(SOURCES, { cwd: ROOT }).map((file) => statSync(join(ROOT, file)).mtimeMs));
  return !(builtAt() >= newest);
}

/** When the oldest of its files was written; NaN when there is none. */
function builtAt(): number {
  try {
    const times = readdirSync(DIST).map((file) => statSync(join(DIST, file)).mtimeMs);
    return times.length === 0 ? Number.NaN : Math.min(...times);
  } catch {
    return Number.NaN;
  }
}
