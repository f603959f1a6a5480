import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** What a run installs beside Dure's own dependencies, in these versions: nobody but `--peers` needs it. */
export const BULLMQ = "6.7.0";
const IOREDIS = "6.0.0";

/** `npm ci` takes it away with the rest of `node_modules`. */
const CACHE = join(import.meta.dirname, "../../node_modules/.cache");

/** The folder that has BullMQ's `node_modules`. Installs it when it is missing, without running its scripts. */
export function bullmqFolder(): string {
  const folder = join(CACHE, `bench-bullmq-${BULLMQ}-ioredis-${IOREDIS}`);
  if (existsSync(folder)) return folder;
  // Half of an installation must not be taken for a whole one.
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    writeFileSync(join(making, "package.json"), '{ "private": true }');
    const packages = [`bullmq@${BULLMQ}`, `ioredis@${IOREDIS}`];
    const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", ...packages];
    const { status, error } = spawnSync("npm", install, { cwd: making, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw error ?? new Error(`npm ${install.join(" ")} ended with ${status}`);
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

/** BullMQ as far as the bench uses it. */
export interface Bullmq {
  Queue: new (name: string, options: object) => BullmqQueue;
  QueueEvents: new (name: string, options: object) => Closable & { waitUntilReady(): Promise<unknown> };
  Worker: new (
    name: string,
    handler: () => Promise<null>,
    options: object,
  ) => Closable & {
    waitUntilReady(): Promise<unknown>;
  };
}

export interface Closable {
  close(): Promise<void>;
}

export interface BullmqQueue extends Closable {
  add(name: string, data: object): Promise<{ waitUntilFinished(events: Closable): Promise<unknown> }>;
  addBulk(jobs: { name: string; data: object }[]): Promise<unknown>;
  getJobCounts(...states: string[]): Promise<Record<string, number>>;
}

export function loadBullmq(folder: string): Bullmq {
  return createRequire(join(folder, "package.json"))("bullmq") as Bullmq;
}
