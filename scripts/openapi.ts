/**
 * Writes `openapi.json` from the contract: `node scripts/openapi.ts`. With `--check` it writes nothing and fails
 * when the committed file is not what the contract makes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openapiDocument } from "../contract/openapi.ts";

const root = join(import.meta.dirname, "..");
const file = join(root, "openapi.json");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};
const text = `${JSON.stringify(openapiDocument(version), null, 2)}\n`;

if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  console.error("openapi.json is not what contract/ makes: run `node scripts/openapi.ts`");
  process.exitCode = 1;
}
