import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { freePort, type Platform, spawnPlatform } from "../../scripts/platform.ts";

/**
 * The tests of one state directory follow each other as a day of its user's does: a start takes seconds, and each of them is
 * what the next one needs.
 */
const stateDir = join(mkdtempSync(join(tmpdir(), "dure-start it's-")), "new"); // A path that a shell would take apart.
const port = await freePort();
const running: Platform[] = [];
const folders = [join(stateDir, "..")];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "dure-start-"));
  folders.push(folder);
  return folder;
}

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

/** Waits for a file that a start makes. */
async function made(file: string): Promise<void> {
  while (!existsSync(join(stateDir, file))) await new Promise((wake) => setTimeout(wake, 5));
}

/** Submits jobs, eight at a time, until the platform has said that it runs. Answers what it was told. */
async function submitUntil(started: Promise<unknown>): Promise<Set<number>> {
  let over = false;
  const end = started.finally(() => {
    over = true;
  });
  await made("root-key");
  const authorization = `Bearer ${readFileSync(join(stateDir, "root-key"), "utf8").trim()}`;
  const headers = { authorization, "content-type": "application/json" };
  const statuses = new Set<number>();
  const submit = async () => {
    while (!over) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/jobs`, {
        method: "POST",
        headers,
        body: '{"payload": 1}',
      }).catch(
        () => null, // Nobody listens yet.
      );
      if (answer !== null) statuses.add(answer.status);
      await answer?.text();
    }
  };
  await Promise.all([end, ...Array.from({ length: 8 }, submit)]);
  return statuses;
}

let platform: Platform;
let job: ReturnType<typeof runPrintedLines>;

afterAll(async () => {
  await Promise.all(running.map((each) => each.end("SIGKILL")));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

it("a first start migrates before its port opens, and a second on the same new directory says so and touches nothing", async () => {
  const first = start();
  const told = submitUntil(first);
  await made("host.json");
  // Long before there is a workerd.
  await expect(start(stateDir, await freePort())).rejects.toThrow(
    /ended with 1:\n.* is in use by process \d+\. Stop it, or/,
  );
  platform = await first;
  expect([...(await told)]).toEqual([202]);
  expect(platform.output()).not.toMatch(/CREATE TABLE|SELECT|INSERT|D1_ERROR/);
});

it("the printed lines run a job, and what the state directory has is its owner's alone", () => {
  job = runPrintedLines(platform);
  expect(job).toMatchObject({ state: "succeeded", result: { words: 5 } });
  for (const file of ["root-key", "master-key", "env.sh"])
    expect(statSync(join(stateDir, file)).mode & 0o777, file).toBe(0o600);
  for (const name of [".", ...readdirSync(stateDir, { recursive: true, encoding: "utf8" })])
    expect(statSync(join(stateDir, name)).mode & 0o077, name).toBe(0);
});

it("the docs, the API description and the health pages answer", async () => {
  const { url } = platform;
  for (const path of ["/docs", "/openapi.json", "/healthz", "/readyz"])
    expect((await fetch(url + path)).status, path).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
});

it("a port in use is said, and the state in use too", async () => {
  const others = [start(newFolder()), start(stateDir, await freePort())].map((starting) => starting.catch(String));
  const [onPort, onState] = await Promise.all(others);
  expect(onPort).toContain(`Port ${port} is in use`);
  expect(onState).toContain(`${stateDir} is in use by process`);
});

it("Ctrl-C ends well, and a restart finds key and job again", async () => {
  expect(await platform.end("SIGINT")).toBe(0);
  expect(platform.output()).toContain("Stopped");
  const before = printedKey(platform);
  platform = await start();
  expect(printedKey(platform)).toBe(before);
  const headers = { authorization: `Bearer ${before}` };
  const response = await fetch(`${platform.url}/v1/jobs/${job.id}`, { headers });
  expect(await response.json()).toMatchObject({ id: job.id, state: "succeeded", result: { words: 5 } });
});

it("a host that was killed leaves neither a lock nor a workerd for the next one to stumble over", async () => {
  const { pid } = platform.process;
  if (pid === undefined) throw new Error("no pid");
  process.kill(pid, "SIGKILL"); // The host alone: its workerd lives on, and holds the port and the state.
  await platform.end("SIGCONT");
  expect((await fetch(`${platform.url}/healthz`)).status).toBe(200);
  platform = await start();
  expect(runPrintedLines(platform)).toMatchObject({ state: "succeeded" });
});

it("a master key that is none is refused in one sentence", async () => {
  vi.stubEnv("DURE_MASTER_KEY", "a");
  try {
    await expect(start(newFolder(), await freePort())).rejects.toThrow(
      "ended with 1:\nThe secret DURE_MASTER_KEY is not a master key. It is dure_master_ and 32 random bytes",
    );
  } finally {
    vi.unstubAllEnvs();
  }
});

it.each([
  ...["on", "yes", "tru"].map((text) => [
    "ALLOW_PRIVATE_TARGETS",
    text,
    `ALLOW_PRIVATE_TARGETS is \`true\` (or \`1\`) or \`false\` (or \`0\`), not "${text}".`,
  ]),
  [
    "PLATFORM_HOSTS",
    "https://a.example",
    'PLATFORM_HOSTS is a list of hosts separated by commas, such as "example.com, *.example.org", not "https://a.example".',
  ],
] as [string, string, string][])(
  "a variable %s=%s that cannot be read is refused in one line, and nothing listens",
  async (name, text, line) => {
    vi.stubEnv(name, text);
    try {
      const ended = `Error: the platform ended with 1:\n${line}\n`;
      const onPort = await freePort();
      await expect(start(newFolder(), onPort).catch(String)).resolves.toBe(ended);
      await expect(fetch(`http://127.0.0.1:${onPort}/healthz`)).rejects.toThrow("fetch failed");
    } finally {
      vi.unstubAllEnvs();
    }
  },
);

it("ALLOW_PRIVATE_TARGETS is true as `1` and with a space before it, and never silently false", async () => {
  const body = JSON.stringify({ target: { type: "http", url: "http://10.0.0.1/" } });
  const allowed = async (text: string): Promise<number> => {
    const onPort = await freePort();
    // Whoever starts a process hands it the environment of that moment.
    vi.stubEnv("ALLOW_PRIVATE_TARGETS", text);
    const starting = start(newFolder(), onPort);
    vi.unstubAllEnvs();
    const started = await starting;
    const headers = { authorization: `Bearer ${printedKey(started)}`, "content-type": "application/json" };
    const { status } = await fetch(`${started.url}/v1/queues/private`, { method: "PUT", headers, body });
    expect(await started.end("SIGINT")).toBe(0);
    return status;
  };
  expect(await Promise.all(["1", " true"].map(allowed))).toEqual([201, 201]);
});

it("a root key that could be guessed is refused at the start, with a sentence that says how to make one", async () => {
  await expect(start(newFolder(), port, "a")).rejects.toThrow(
    /ended with 1:\nDURE_ROOT_KEY is not fit to be a root key: .+ Make one with: echo "dure_root_\$\(openssl rand -hex 32\)"/,
  );
});

it("state of a version before the first release is refused in one sentence, with exit code 1, and stays as it is", async () => {
  const old = newFolder();
  writeFileSync(join(old, "root-key"), "dure_root_old\n");
  await expect(start(old, await freePort())).rejects.toThrow(
    `ended with 1:\nThe state in ${old} was written by a development version before the first release and cannot be read`,
  );
  expect(readdirSync(old)).toEqual(["root-key"]);
});
