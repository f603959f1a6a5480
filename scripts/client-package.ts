import { globSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const CLIENT = join(ROOT, "client");
const DIST = join(CLIENT, "dist");

/** What the built client is made of. */
const SOURCES = [
  "client/src/**/*.ts",
  "client/*.json",
  "contract/{limits,progress-patch}.ts",
  "scripts/client-package.ts",
];

/** Builds the client unless it is there and current. The examples and the tests of the package need it. */
export async function ensureClient(): Promise<void> {
  if (clientIsStale()) await buildClient();
}

/** The client as it is published: a module and a declaration for each of its entries, in `client/dist`. */
export async function buildClient(): Promise<void> {
  // Most who ask whether the client is current need no bundler.
  const { build } = await import("tsdown");
  // Others may read the old files meanwhile.
  const outDir = join(ROOT, `node_modules/.client-${process.pid}`);
  try {
    await build({
      cwd: CLIENT,
      config: false,
      entry: ["index", "binding", "consumer", "webhooks"].map((name) => `src/${name}.ts`),
      outDir,
      format: "esm",
      platform: "neutral",
      target: "es2022",
      dts: { generator: "oxc" },
      fixedExtension: false,
      tsconfig: join(CLIENT, "tsconfig.json"),
      logLevel: "warn",
      report: false,
      outputOptions: { chunkFileNames: "[name].js" },
    });
    rmSync(DIST, { recursive: true, force: true });
    renameSync(outDir, DIST);
  } finally {
    rmSync(outDir, { recursive: true, force: true });
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
