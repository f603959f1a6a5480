import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const START_MS = 60_000;

export interface PlatformOptions {
  port: number;
  /** Null: the platform makes its own. */
  rootKey: string | null;
  stateDir: string;
  /** Root of the repository, or of the copy of it, to start; this one when left out. */
  root?: string;
}

/** `npm start`'s program as a process group of its own, so that all of it can be killed at once. */
export interface Platform {
  url: string;
  process: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  /** Sends `signal` to every process of the platform and waits until the first has ended. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Resolves when the platform says that it runs. Throws with what it printed when it ends before that. */
export async function spawnPlatform(options: PlatformOptions): Promise<Platform> {
  const child = spawn(process.execPath, [join(options.root ?? ROOT, "scripts/start.ts")], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PORT: String(options.port),
      DURE_ROOT_KEY: options.rootKey ?? "",
      DURE_STATE_DIR: options.stateDir,
    },
  });
  let printed = "";
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the platform did not start:\n${printed}`)), START_MS);
    const read = (chunk: Buffer) => {
      printed += chunk;
      if (printed.includes("Dure is running")) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    ended.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the platform ended with ${code}:\n${printed}`));
    });
  });
  return {
    url: `http://127.0.0.1:${options.port}`,
    process: child,
    output: () => printed,
    end: (signal) => {
      if (child.pid !== undefined) signalGroup(child.pid, signal);
      return ended;
    },
  };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // All have ended already.
  }
}

/** A TCP port of the loopback interface that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
