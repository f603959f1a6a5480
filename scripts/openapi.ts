/**
 * Writes what is made of the contract: `openapi.json`, and from it the client's types and calls in `client/src/generated/`.
 * With `--check` it writes nothing and fails when a committed file is not what the contract makes.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  INVOCATION_SECONDS,
  MAX_BATCH_JOBS,
  MAX_BODY_BYTES,
  MAX_BOOKMARKS,
  MAX_CLAIM,
  MAX_ERROR_CODE_BYTES,
  MAX_ERROR_MESSAGE_BYTES,
  MAX_REPORTS,
  MAX_RESULT_BYTES,
  MAX_SPAWN,
  MAX_WAIT_SECONDS,
  WHOLE_INVOCATION_SECONDS,
} from "../contract/limits.ts";
import { openapiDocument } from "../contract/openapi.ts";
import { PROBLEMS } from "../contract/problem.ts";
import { clientSources } from "./client-types.ts";

/** Those that the client keeps by itself. */
const limits = {
  INVOCATION_SECONDS,
  MAX_BATCH_JOBS,
  MAX_BODY_BYTES,
  MAX_BOOKMARKS,
  MAX_CLAIM,
  MAX_ERROR_CODE_BYTES,
  MAX_ERROR_MESSAGE_BYTES,
  MAX_REPORTS,
  MAX_RESULT_BYTES,
  MAX_SPAWN,
  MAX_WAIT_SECONDS,
  WHOLE_INVOCATION_SECONDS,
};

const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};
// As it is read from the file: schemas have members that JSON does not write.
const text = `${JSON.stringify(openapiDocument(version), null, 2)}\n`;
const sources = await clientSources(JSON.parse(text), { codes: Object.keys(PROBLEMS), limits });
const files = new Map([
  ["openapi.json", text],
  ...[...sources].map(([name, source]) => [`client/src/generated/${name}`, source] as const),
]);

for (const [path, wanted] of files) {
  const file = join(root, path);
  if (!process.argv.includes("--check")) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
  } else if (readIfThere(file) !== wanted) {
    console.error(`${path} is not what contract/ makes: run \`npm run openapi\``);
    process.exitCode = 1;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
