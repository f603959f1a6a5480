import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** Grows whenever a version can no longer read what the one before it wrote. */
const FORMAT = "1";

/** Found in a state directory, and nothing to do with the state. */
const NOT_STATE = ["lost+found"];

/** The state directory holds what this version cannot read. Its message says what to do. */
export class UnreadableState extends Error {}

/**
 * Makes the state directory, and marks it with the format of the state in it; where it is there, sees that this version can
 * read it. To be called before anything else is written into it. Throws `UnreadableState`, and deletes nothing.
 */
export function openState(stateDir: string): void {
  // What this process and its workerd write from now on is readable by its owner alone.
  process.umask(0o077);
  mkdirSync(stateDir, { recursive: true });
  const marker = join(stateDir, "format");
  const entries = readdirSync(stateDir).filter((name) => !name.startsWith(".") && !NOT_STATE.includes(name));
  if (!entries.includes("format")) {
    if (entries.length > 0) throw new UnreadableState(ofDevelopment(stateDir));
    makeWhole(marker, `${FORMAT}\n`);
  }
  const found = readFileSync(marker, "utf8").trim();
  if (found !== FORMAT) throw new UnreadableState(ofOther(stateDir, found));
  // One that was there may have been made under another umask: what is in it is behind this.
  if ((statSync(stateDir).mode & 0o077) !== 0) chmodSync(stateDir, 0o700);
}

function ofDevelopment(stateDir: string): string {
  return (
    `The state in ${stateDir} was written by a development version before the first release and cannot be read: ` +
    `remove that directory and start again. Nothing was changed in it.`
  );
}

function ofOther(stateDir: string, found: string): string {
  return (
    `The state in ${stateDir} has format ${found}, and this version of Dure reads format ${FORMAT}: start the version ` +
    "that wrote it, or set DURE_STATE_DIR to another directory. Nothing was changed in it."
  );
}

/**
 * The root key of a local platform: the environment's, else the one kept in the state directory, made once and
 * readable by its owner alone.
 */
export function localRootKey(stateDir: string, env: { DURE_ROOT_KEY?: string | undefined }): string {
  if (env.DURE_ROOT_KEY) return env.DURE_ROOT_KEY;
  const file = join(stateDir, "root-key");
  makeWhole(file, `dure_root_${randomBytes(32).toString("base64url")}\n`);
  return readFileSync(file, "utf8").trim();
}

/**
 * The master key of a local platform, from which the keys are derived that encrypt what is kept: the environment's, else the one
 * kept in the state directory, made once and readable by its owner alone. What is under it does not open under another.
 */
export function localMasterKey(stateDir: string, env: { DURE_MASTER_KEY?: string | undefined }): string {
  if (env.DURE_MASTER_KEY) return env.DURE_MASTER_KEY;
  const file = join(stateDir, "master-key");
  makeWhole(file, `dure_master_${randomBytes(32).toString("base64url")}\n`);
  return readFileSync(file, "utf8").trim();
}

/** Makes the file with all of its text, readable by its owner alone, or leaves the one that is there: never a part of it. */
function makeWhole(file: string, text: string): void {
  if (existsSync(file)) return;
  const draft = join(dirname(file), `.${basename(file)}-${process.pid}`);
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}
