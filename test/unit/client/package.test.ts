import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import ts from "typescript";
import { beforeAll, expect, test } from "vitest";
import { ensureClient } from "../../../scripts/client-package.ts";

const CLIENT = join(import.meta.dirname, "../../../client");
const DIST = join(CLIENT, "dist");
const MAX_GZIPPED = 11_264;

interface Manifest {
  exports: Record<string, string>;
  [member: string]: unknown;
}

const manifest = JSON.parse(readFileSync(join(CLIENT, "package.json"), "utf8")) as Manifest;
const entries = Object.values(manifest.exports)
  .filter((path) => path.endsWith(".js"))
  .map((path) => join(CLIENT, path));

beforeAll(ensureClient);

/** One entry with all that it imports, as a user's bundler makes it. */
async function bundled(entry: string): Promise<Uint8Array> {
  const options = { bundle: true, minify: true, write: false, format: "esm", platform: "neutral" } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [entry] });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

test("the client is at most 11 KiB gzipped, and so is each of its other entries", async () => {
  for (const entry of entries) {
    const { length } = gzipSync(await bundled(entry), { level: 9 });
    expect(length, entry).toBeGreaterThan(100);
    expect(length, entry).toBeLessThanOrEqual(MAX_GZIPPED);
  }
});

test("it has the version of the platform whose API it knows", () => {
  const platform = JSON.parse(readFileSync(join(CLIENT, "../package.json"), "utf8")) as Manifest;
  expect(manifest.version).toBe(platform.version);
});

test("it has no dependencies: what is built imports its own files alone, and zod is in none", () => {
  for (const members of ["dependencies", "peerDependencies", "optionalDependencies"])
    expect(manifest[members]).toBeUndefined();
  const files = readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter((file) => /\.js$|\.d\.ts$/.test(file));
  expect(files.length).toBeGreaterThan(entries.length);
  for (const file of files) {
    const text = readFileSync(join(DIST, file), "utf8");
    expect(text, file).not.toMatch(/\bzod\b/);
    for (const { fileName } of ts.preProcessFile(text).importedFiles)
      expect(fileName).toMatch(/^\.{1,2}\/[\w./-]+\.js$/);
  }
});

test("every export of every entry has a sentence", () => {
  const declarations = entries.map((entry) => entry.replace(/\.js$/, ".d.ts"));
  const program = ts.createProgram(declarations, { strict: true, lib: ["lib.es2024.d.ts", "lib.dom.d.ts"], types: [] });
  const checker = program.getTypeChecker();
  const silent: string[] = [];
  let count = 0;
  for (const path of declarations) {
    const source = program.getSourceFile(path);
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    for (const exported of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const { Alias } = ts.SymbolFlags;
      const symbol = (exported.flags & Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
      count++;
      const sentence = ts.displayPartsToString(symbol.getDocumentationComment(checker));
      if (!/\w.*[.:]/s.test(sentence)) silent.push(`${path}: ${exported.name}`);
    }
  }
  expect(silent).toEqual([]);
  expect(count).toBeGreaterThan(150);
});
