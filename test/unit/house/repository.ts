import { globSync, readFileSync } from "node:fs";
import type { Files } from "./parse.ts";

/** Every TypeScript file of the repository that a person wrote. */
export function repositoryFiles(): Files {
  const paths = globSync("**/*.ts", { exclude: ["node_modules/**", "**/worker-configuration.d.ts", ".*/**"] });
  return new Map(paths.sort().map((path) => [path.replaceAll("\\", "/"), readFileSync(path, "utf8")]));
}
