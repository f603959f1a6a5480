import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** A process, or several that are measured as one. Null: it has ended, or never was. */
export type Pids = number | null | readonly number[];

/** CPU milliseconds that a process has used, all threads. Null where /proc is missing. */
export function cpuMs(pids: Pids): number | null {
  if (pids === null || process.platform !== "linux") return null;
  return [pids].flat().reduce((sum, pid) => sum + cpuMsOf(pid), 0);
}

function cpuMsOf(pid: number): number {
  // The name in field 2 may hold spaces: count from after it. utime and stime are fields 14 and 15, in 1/100 s.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** CPU milliseconds that the bench itself has used. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Megabytes of memory that a process has resident. Null where /proc is missing. */
export function residentMb(pid: number | null): number | null {
  if (pid === null || process.platform !== "linux") return null;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1000;
}

/** Waits until the process is idle, at most five seconds: what one measurement left behind must not weigh on the next. */
export async function waitUntilIdle(pids: Pids): Promise<void> {
  let before = cpuMs(pids);
  for (let i = 0; i < 25; i++) {
    await pause(200);
    const now = cpuMs(pids);
    if (now === null || before === null || now - before <= 20) return;
    before = now;
  }
}

/**
 * Calls of fsync and fdatasync that the process makes while `work` runs, by strace. Null where strace is missing or
 * may not attach. strace stops the process at every such call, so `work` is no time to measure speed.
 */
export async function countCommits(pid: number | null, work: () => Promise<unknown>): Promise<number | null> {
  if (pid === null || spawnSync("strace", ["-V"]).status !== 0) return null;
  const strace = spawn("strace", ["-f", "-q", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let calls = 0;
  let rest = "";
  strace.stderr.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    // A call that another thread interrupted is printed twice; its second half says "resumed".
    calls += lines.filter((line) => /\bf(data)?sync\(/.test(line)).length;
  });
  const ended = new Promise((resolve) => strace.once("exit", resolve));
  await pause(500);
  if (strace.exitCode !== null) return null;
  await work();
  await pause(200);
  strace.kill("SIGINT");
  await ended;
  return calls;
}
