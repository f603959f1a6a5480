import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const STARTS_MS = 10_000;

/** The path of redis-server. Null where it is not installed. */
export function findRedis(): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "redis-server");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {} // Not in this folder.
  }
  return null;
}

export interface Redis {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** A Redis of its own on a free port, with its append-only file, which it syncs once a second, in `folder`. */
export async function startRedis(path: string, folder: string): Promise<Redis> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
  const server = spawn(path, ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...durable], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  // A run that fails leaves nothing behind.
  const kill = () => server.kill();
  process.once("exit", kill);
  for (const until = Date.now() + STARTS_MS; !(await answers(port)); await pause(50)) {
    if (server.exitCode !== null || Date.now() > until) throw new Error(`${path} does not answer on port ${port}`);
  }
  return {
    port,
    pid: server.pid ?? 0,
    stop: async () => {
      process.off("exit", kill);
      kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
