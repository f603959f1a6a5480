import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** Every process of this machine, by `ps`, which Linux and macOS both have. Empty where there is none. */
function processes(): Process[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,command="], { encoding: "utf8", maxBuffer: 1 << 24 });
  return (stdout ?? "").split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? "" }] : [];
  });
}

function isWorkerd(process: Process): boolean {
  return /\bworkerd\b.*\bserve\b/.test(process.command);
}

/** The pids of the workerds that this process runs. */
export function ownWorkerds(): number[] {
  return processes()
    .filter((p) => p.parent === process.pid && isWorkerd(p))
    .map((p) => p.pid);
}

/** Notes in the state directory which processes serve it. */
export function noteHost(stateDir: string, workerd: number | null): void {
  writeFileSync(join(stateDir, "host.json"), JSON.stringify({ host: process.pid, workerd }));
}

/** Takes the note back after a clean stop. */
export function forgetHost(stateDir: string): void {
  rmSync(join(stateDir, "host.json"), { force: true });
}

/**
 * Ends the workerd of a host that was itself killed: it outlives its parent and would go on serving the port and
 * the state. Returns the pid of a host that is alive and well on this state, which must not be disturbed, or null.
 */
export function endOrphan(stateDir: string): number | null {
  let note: { host: number; workerd: number | null };
  try {
    note = JSON.parse(readFileSync(join(stateDir, "host.json"), "utf8"));
  } catch {
    return null; // No note, or a torn one: nothing is known to run here.
  }
  const all = processes();
  const workerd = all.find((p) => p.pid === note.workerd && isWorkerd(p));
  if (workerd === undefined) return null;
  if (workerd.parent === note.host && note.host !== process.pid) return note.host;
  process.kill(workerd.pid, "SIGKILL");
  return null;
}
