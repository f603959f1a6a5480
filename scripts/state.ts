import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The root key of a local platform: the environment's, else the one kept in the state directory, made once and
 * readable by its owner alone.
 */
export function localRootKey(stateDir: string, env: NodeJS.ProcessEnv): string {
  if (env.DURE_ROOT_KEY) return env.DURE_ROOT_KEY;
  const file = join(stateDir, "root-key");
  mkdirSync(stateDir, { recursive: true });
  try {
    writeFileSync(file, `dure_root_${randomBytes(24).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readFileSync(file, "utf8").trim();
}
