import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endWorkerd, isOrphan, startOf, workerdsWithFilesIn } from "./processes.ts";

/** The state directory is served by another live host. Its message is a sentence without its end. */
export class StateInUse extends Error {}

/** What the lock says of its holder. An earlier version wrote neither `started` nor anything before its workerd ran. */
interface Holder {
  /** Pid of the host. */
  host: number;
  /** When that process started, see `startOf`: a pid may by now be another process's. */
  started?: string | null;
  /** Pid of its workerd; null before it is known, and where `ps` is missing. */
  workerd: number | null;
}

/** The right to touch the files of a state directory. */
export interface StateLock {
  /** Notes the workerd that serves the state, which a later host ends if this one is killed. Throws `StateInUse` when the lock is another's. */
  note(workerd: number | null): void;
  /** Takes the lock back. It may be called again. */
  release(): void;
}

/** Tries to take a lock whose holder is dead: another may take it in between. */
const TRIES = 5;

/**
 * Takes the lock of a state directory, which has been opened. Throws `StateInUse` when another host holds it. The lock of one that was
 * killed is taken over, and its workerd, which outlives it and would go on to serve port and state, is ended. The lock is
 * released when the process ends by itself.
 */
export function lockState(stateDir: string): StateLock {
  const file = join(stateDir, "host.json");
  const own: Holder = { host: process.pid, started: startOf(process.pid), workerd: null };
  for (let tries = 0; ; tries++) {
    if (isTaken(file, own)) break;
    const holder = readHolder(file);
    if (holder !== null && isAlive(holder)) throw inUse(stateDir, holder);
    if (tries >= TRIES) throw new Error(`${file} cannot be taken over: other processes take it again and again`);
    takeAway(file, holder);
    endWorkerdsOf(stateDir, holder);
  }
  const release = () => {
    if (isSame(readHolder(file), own)) rmSync(file, { force: true });
    process.off("exit", release);
  };
  process.on("exit", release);
  return {
    note: (workerd) => {
      const holder = readHolder(file);
      if (holder !== null && !isSame(holder, own)) throw inUse(stateDir, holder);
      const draft = draftOf(file);
      writeFileSync(draft, JSON.stringify({ ...own, workerd }));
      renameSync(draft, file);
    },
    release,
  };
}

function inUse(stateDir: string, { host }: Holder): StateInUse {
  return new StateInUse(`${stateDir} is in use by process ${host}`);
}

function isSame(a: Holder | null, b: Holder | null): boolean {
  return a?.host === b?.host && a?.started === b?.started;
}

function draftOf(file: string): string {
  return join(file, "..", `.host-${process.pid}`);
}

/** Makes the lock whole at once, so that nobody reads a part of it; false when there is one. */
function isTaken(file: string, own: Holder): boolean {
  const draft = draftOf(file);
  writeFileSync(draft, JSON.stringify(own));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Null when there is no lock, or one that cannot be read: then nothing is known to run here. */
function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function isAlive({ host, started, workerd }: Holder): boolean {
  if (started !== undefined) return started !== null && startOf(host) === started;
  return workerd !== null && startOf(workerd) !== null && !isOrphan(workerd, host);
}

/**
 * Moves the lock of a dead holder away. If another has taken it over meanwhile, what was moved is that one's: it is put back.
 */
function takeAway(file: string, dead: Holder | null): void {
  const aside = join(file, "..", `.dead-host-${process.pid}`);
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  if (!isSame(readHolder(aside), dead)) {
    try {
      linkSync(aside, file);
    } catch {
      // A third has taken it in that instant. Whose was moved away finds out when it notes its workerd, and ends.
    }
  }
  rmSync(aside, { force: true });
}

function endWorkerdsOf(stateDir: string, dead: Holder | null): void {
  const noted = dead === null || dead.workerd === null ? [] : [dead.workerd];
  for (const pid of new Set([...noted, ...workerdsWithFilesIn(stateDir)])) endWorkerd(pid);
}
