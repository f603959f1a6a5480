import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

/** Processes of this machine: by `/proc` where there is one, else by `ps`, which Linux and macOS both have. */

interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** Every process. Empty where there is no `ps`. */
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

/** When the process started, as a text that no other process of its pid has ever had; null when there is none. */
export function startOf(pid: number): string | null {
  if (existsSync("/proc/self/stat")) return startByProc(pid);
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  const [state = "", ...started] = (stdout ?? "").trim().split(/\s+/);
  return state === "" || state.startsWith("Z") ? null : started.join(" ");
}

/** In ticks since the machine has booted, with the boot's id. One that has ended and was not waited for is none. */
function startByProc(pid: number): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The name of the program stands in parentheses and may have any character.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\)\s*/s, "")
      .split(" ");
    const [state = "Z"] = fields;
    return state === "Z" || state === "X" ? null : `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}

/** Whether the workerd of a host outlives it, as it does when the host is killed. */
export function isOrphan(workerd: number, host: number): boolean {
  return processes().find((p) => p.pid === workerd && isWorkerd(p))?.parent !== host;
}

/** Workerds that have files or folders of the directory open. Where there is no `/proc` none are found. */
export function workerdsWithFilesIn(dir: string): number[] {
  if (!existsSync("/proc/self/fd")) return [];
  const inside = `${realpathSync(dir)}/`;
  return processes()
    .filter(isWorkerd)
    .map(({ pid }) => pid)
    .filter((pid) => openFiles(pid).some((path) => `${path}/`.startsWith(inside)));
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  } catch {
    return []; // It has ended, or is another user's.
  }
}

/** Kills a workerd, and waits until it has let go of its port and files. Another program that has its pid now stays. */
export function endWorkerd(pid: number): void {
  if (!processes().some((p) => p.pid === pid && isWorkerd(p))) return;
  process.kill(pid, "SIGKILL");
  for (let waits = 0; waits < 100 && startOf(pid) !== null; waits++) sleepSync(20);
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
