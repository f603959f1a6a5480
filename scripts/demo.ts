import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api, type JobView } from "./api.ts";
import { fatesOf, sendBatches } from "./atomic-batches.ts";
import { percentile, readMetrics } from "./metrics.ts";
import { freePort, type Platform, spawnPlatform } from "./platform.ts";
import { runService } from "./service-instances.ts";
import { addUp, countWords, cut, differences, top } from "./wordcount-text.ts";

/**
 * `npm run demo`: counts the words of a novel in some hundreds of jobs, kills the whole platform half-way, starts
 * it again on its state, and compares the sum with a direct count; then kills it among atomic batches, each of which is
 * there whole or not at all; then runs jobs at a service of which one instance is killed and one becomes slow. Exits 1 on any
 * difference.
 */
const PIECE_CHARACTERS = 2000;
const BATCH_JOBS = 20;
const QUEUE = "wordcount";
const PATIENCE_MS = 60_000;
const ROWS = "dure_shard_rows_written_total";

const text = readFileSync(join(import.meta.dirname, "../data/moby-dick.txt"), "utf8");
const pieces = cut(text, PIECE_CHARACTERS);
const stateDir = mkdtempSync(join(tmpdir(), "dure-demo-"));
const options = { port: await freePort(), rootKey: "dure_root_of-the-demo-0123456789abcdefghijkl", stateDir };
const api = new Api(`http://127.0.0.1:${options.port}`, options.rootKey);
const acceptedIds = new Map<string, string>();
let platform = await spawnPlatform(options);
let rowsBeforeKill = 0;
let downMs = 0;

function progress(done: number, note: string): void {
  const width = 40;
  const filled = Math.round((done / pieces.length) * width);
  const bar = `${"#".repeat(filled)}${".".repeat(width - filled)}`;
  const line = `[${bar}] ${done}/${pieces.length} ${note}`.padEnd(100);
  process.stdout.write(process.stdout.isTTY ? `\r${line}` : `${line.trimEnd()}\n`);
}

/** Submits pieces `from` to `to`; a batch that got no answer is sent again, with the same keys. */
async function submit(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += BATCH_JOBS) {
    const keys = pieces.slice(i, Math.min(i + BATCH_JOBS, to)).map((_, n) => `piece-${i + n}`);
    const jobs = keys.map((idempotencyKey, n) => ({ queue: QUEUE, idempotencyKey, payload: { text: pieces[i + n] } }));
    const { status, body } = await api.retry("POST", "/v1/batches", { body: { jobs }, patienceMs: PATIENCE_MS });
    if (status !== 202 && status !== 200) throw new Error(`a batch was refused: ${status} ${JSON.stringify(body)}`);
    for (const [n, item] of (body as { items: { id: string }[] }).items.entries())
      acceptedIds.set(keys[n] ?? "", item.id);
  }
}

async function finished(): Promise<number> {
  const { body } = await api.retry("GET", `/v1/queues/${QUEUE}/stats`, { patienceMs: PATIENCE_MS });
  const { scheduled, queued, running } = (body as { counts: Record<string, number> }).counts;
  const unfinished = (scheduled ?? 0) + (queued ?? 0) + (running ?? 0);
  return Math.max(0, acceptedIds.size - unfinished);
}

async function killAndRestart(running: Platform): Promise<Platform> {
  progress(await finished(), "killing every process of the platform (SIGKILL)");
  rowsBeforeKill = (await readMetrics({ url: api.url, key: options.rootKey })).get(ROWS) ?? Number.NaN;
  const start = Date.now();
  await running.end("SIGKILL");
  const restarted = await spawnPlatform(options);
  downMs = Date.now() - start;
  return restarted;
}

async function run(): Promise<number> {
  const start = Date.now();
  const half = Math.floor(pieces.length / 2);
  await submit(0, half);
  // The second half is on its way while the platform dies.
  const rest = submit(half, pieces.length);
  platform = await killAndRestart(platform);
  progress(await finished(), "started again on its state");
  await rest;
  const until = Date.now() + PATIENCE_MS;
  for (let done = 0; done < pieces.length && Date.now() < until; ) {
    done = await finished();
    progress(done, "");
    if (done < pieces.length) await new Promise((wake) => setTimeout(wake, 200));
  }
  return Date.now() - start;
}

/** Kills the platform once more, while atomic batches are on their way, and says whether each is whole or absent. */
async function wholeOrAbsent(): Promise<boolean> {
  const sent = await sendBatches(api);
  await platform.end("SIGKILL");
  platform = await spawnPlatform(options);
  const { whole, absent, half, broken } = await fatesOf(api, sent);
  const fates = `${whole} whole, ${absent} absent, ${half} half; ${sent.accepted.size} were accepted, ${broken} of them lost`;
  console.log(`  ${"atomic batches at a kill".padEnd(30)} ${fates}`);
  return half === 0 && broken === 0;
}

/** Runs jobs at a service with trouble, prints how they were spread, and says whether each of them succeeded. */
async function spread(): Promise<boolean> {
  const { jobs, parts } = await runService(api);
  console.log(
    `\n  A service of three instances, ${jobs} jobs each time: the second is killed, the third takes a second.\n`,
  );
  const header = ["1st", "2nd", "3rd", "succeeded", "tried again", "p50, ms", "p99, ms"];
  const line = (name: string, cells: readonly (string | number)[]) =>
    console.log(`  ${name.padEnd(30)} ${cells.map((cell) => String(cell).padStart(13)).join("")}`);
  line("", header);
  for (const { name, requests, succeeded, failedAttempts, latencies } of parts) {
    const times = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
    line(name, [...requests, succeeded, failedAttempts, ...times]);
  }
  console.log(
    "\n  The slow one is asked again as what it took is forgotten, half a minute after its last slow answer.",
  );
  return parts.every(({ succeeded }) => succeeded === jobs);
}

/** Prints the outcome and says whether all of it is right. */
async function judge(jobs: JobView[], elapsedMs: number): Promise<boolean> {
  const succeeded = jobs.filter((job) => job.state === "succeeded");
  const found = new Set(succeeded.map((job) => job.id));
  const lost = [...acceptedIds.values()].filter((id) => !found.has(id)).length;
  const keys = new Set(jobs.map((job) => job.idempotencyKey));
  const twice = jobs.filter((job) => job.attempts.filter((a) => a.outcome === "succeeded").length > 1).length;
  const doubled = jobs.length - keys.size + twice;
  const sum = addUp(succeeded.map((job) => job.result as { words: number; counts: Record<string, number> }));
  const direct = countWords(text);
  const wrong = differences(sum, direct);
  const latencies = succeeded.map((job) => Date.parse(job.finishedAt ?? "") - Date.parse(job.createdAt));
  const rows = rowsBeforeKill + ((await readMetrics({ url: api.url, key: options.rootKey })).get(ROWS) ?? Number.NaN);
  const table: [string, string | number][] = [
    ["accepted", acceptedIds.size],
    ["succeeded", succeeded.length],
    ["lost", lost],
    ["doubled", doubled],
    ["words", `${sum.words} (counted directly: ${direct.words})`],
    ["words counted differently", wrong.length],
    [
      "top ten",
      top(sum, 10)
        .map(([word, n]) => `${word} ${n}`)
        .join(", "),
    ],
    ["jobs/s, the restart included", Math.round((jobs.length * 1000) / elapsedMs)],
    ["killed to running again", `${(downMs / 1000).toFixed(1)} s`],
    ["accepted to finished, p50", `${percentile(latencies, 0.5)} ms`],
    ["accepted to finished, p99", `${percentile(latencies, 0.99)} ms`],
    ["shard rows written per job", Number.isNaN(rows) ? "n/a" : (rows / jobs.length).toFixed(2)],
  ];
  console.log("\n");
  for (const [name, value] of table) console.log(`  ${name.padEnd(30)} ${value}`);
  const all = acceptedIds.size === pieces.length && succeeded.length === pieces.length;
  return all && lost === 0 && doubled === 0 && wrong.length === 0 && sum.words === direct.words;
}

console.log(`Counting the words of data/moby-dick.txt in ${pieces.length} jobs on ${api.url}\n`);
let right = false;
try {
  const elapsedMs = await run();
  const counted = await judge(await api.jobs(QUEUE), elapsedMs);
  const whole = await wholeOrAbsent();
  right = (await spread()) && whole && counted;
} finally {
  await platform.end("SIGTERM");
  rmSync(stateDir, { recursive: true, force: true });
}
console.log(right ? "\nEvery word is counted once, and every job of the service succeeded." : "\nThat is NOT right.");
process.exit(right ? 0 : 1);
