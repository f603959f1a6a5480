import { globSync, readFileSync } from "node:fs";
import type { Files } from "./parse.ts";

const NOT_WRITTEN = ["**/node_modules/**", "**/dist/**", "**/generated/**", "**/worker-configuration.d.ts", ".*/**"];

/** Every TypeScript file of the repository that a person wrote, and every JavaScript file of the examples. */
export function repositoryFiles(): Files {
  const paths = globSync(["**/*.ts", "examples/**/*.mjs"], { exclude: NOT_WRITTEN });
  return new Map(paths.sort().map((path) => [path.replaceAll("\\", "/"), readFileSync(path, "utf8")]));
}
