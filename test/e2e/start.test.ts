import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { freePort, type Platform, spawnPlatform } from "../../scripts/platform.ts";

const stateDir = mkdtempSync(join(tmpdir(), "dure-start it's-")); // A path that a shell would take apart.
const otherDir = mkdtempSync(join(tmpdir(), "dure-start-"));
const port = await freePort();
const running: Platform[] = [];

async function start(dir = stateDir, onPort = port, rootKey: string | null = null): Promise<Platform> {
  const platform = await spawnPlatform({ port: onPort, rootKey, stateDir: dir });
  running.push(platform);
  return platform;
}

/** Runs the two lines that the platform printed for its reader to try. */
function runPrintedLines(platform: Platform): { id: string; state: string; result: unknown } {
  const lines = platform.output().match(/^ {2}\. .*\n {2}curl .*$/m)?.[0] ?? "exit 1";
  return JSON.parse(execFileSync("sh", ["-c", lines], { encoding: "utf8" }));
}

function printedKey(platform: Platform): string {
  return platform.output().match(/Key +(dure_root_\S+)/)?.[1] ?? "";
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((platform) => platform.end("SIGKILL")));
});
afterAll(() => {
  for (const dir of [stateDir, otherDir]) rmSync(dir, { recursive: true, force: true });
});

it("the printed lines run a job, Ctrl-C ends well, and a restart finds key and job again", async () => {
  const first = await start();
  const job = runPrintedLines(first);
  expect(job).toMatchObject({ state: "succeeded", result: { words: 5 } });
  for (const file of ["root-key", "master-key", "env.sh"])
    expect(statSync(join(stateDir, file)).mode & 0o777, file).toBe(0o600);
  for (const name of [".", ...readdirSync(stateDir, { recursive: true, encoding: "utf8" })])
    expect(statSync(join(stateDir, name)).mode & 0o077, name).toBe(0);
  expect(await first.end("SIGINT")).toBe(0);
  expect(first.output()).toContain("Stopped");

  const second = await start();
  expect(printedKey(second)).toBe(printedKey(first));
  const headers = { authorization: `Bearer ${printedKey(second)}` };
  const response = await fetch(`${second.url}/v1/jobs/${job.id}`, { headers });
  expect(await response.json()).toMatchObject({ id: job.id, state: "succeeded", result: { words: 5 } });
});

it("a master key that is none is refused in one sentence", async () => {
  const dir = mkdtempSync(join(tmpdir(), "dure-start-"));
  vi.stubEnv("DURE_MASTER_KEY", "a");
  try {
    await expect(start(dir, await freePort())).rejects.toThrow(
      "ended with 1:\nThe secret DURE_MASTER_KEY is not a master key. It is dure_master_ and 32 random bytes",
    );
  } finally {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true, force: true });
  }
});

it("the docs, the API description and the health pages answer", async () => {
  const { url } = await start();
  for (const path of ["/docs", "/openapi.json", "/healthz", "/readyz"])
    expect((await fetch(url + path)).status, path).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
});

it("a root key that could be guessed is refused at the start, with a sentence that says how to make one", async () => {
  await expect(start(otherDir, port, "a")).rejects.toThrow(
    /ended with 1:\nDURE_ROOT_KEY is not fit to be a root key: .+ Make one with: echo "dure_root_\$\(openssl rand -hex 32\)"/,
  );
});

it("a port in use is said, and the state in use too", async () => {
  await start();
  await expect(start(otherDir)).rejects.toThrow(`Port ${port} is in use`);
  await expect(start(stateDir, await freePort())).rejects.toThrow(`${stateDir} is in use by process`);
});

it("state of a version before the first release is refused in one sentence, with exit code 1, and stays as it is", async () => {
  const old = mkdtempSync(join(tmpdir(), "dure-start-"));
  try {
    writeFileSync(join(old, "root-key"), "dure_root_old\n");
    await expect(start(old, await freePort())).rejects.toThrow(
      `ended with 1:\nThe state in ${old} was written by a development version before the first release and cannot be read`,
    );
    expect(readdirSync(old)).toEqual(["root-key"]);
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
});

it("a host that was killed leaves no workerd behind for the next one to stumble over", async () => {
  const first = await start();
  const { pid } = first.process;
  if (pid === undefined) throw new Error("no pid");
  process.kill(pid, "SIGKILL"); // The host alone: its workerd lives on, and holds the port and the state.
  await first.end("SIGCONT");
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
  expect(runPrintedLines(await start())).toMatchObject({ state: "succeeded" });
});
