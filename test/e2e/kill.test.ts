import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Api } from "../../scripts/api.ts";
import { readMetrics } from "../../scripts/metrics.ts";
import { freePort, type Platform, spawnPlatform } from "../../scripts/platform.ts";
import { lane } from "../lane.ts";
import { secretsIn } from "../rigs/secret-shapes.ts";
import { readHistory } from "./history.ts";
import { PullWorker } from "./pull-worker.ts";
import { Submitter } from "./submitter.ts";

const ROOT_KEY = "dure_root_of-the-kill-test-0123456789abcdefghijkl";
const BETWEEN_KILLS_MS = [1000, 3500] as const;
const DRAIN_MS = 90_000;
const QUEUES = ["pulled", "handled"] as const;
/** What nothing that the platform prints may have. Its root key is told on purpose. */
const CANARIES = { payload: "canary-payload-2f61", header: "canary-header-8ac0", url: "canary-url-b39d" };
const SECRET_TARGET = {
  type: "http",
  url: `https://target.example/?token=${CANARIES.url}`,
  headers: { "x-token": CANARIES.header },
};

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

it("every accepted job ends exactly once, though the whole platform is killed again and again", {
  timeout: 300_000 + lane.histories.kills * 20_000,
}, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-kill-"));
  const options = { port: await freePort(), rootKey: ROOT_KEY, stateDir };
  const api = new Api(`http://127.0.0.1:${options.port}`, options.rootKey);
  let platform = await spawnPlatform(options);
  const platforms: Platform[] = [platform];
  try {
    const policy = { retry: { maxAttempts: 100, delay: 0.1, maxDelay: 1 }, timeout: 5 };
    await api.call("PUT", "/v1/queues/pulled", policy);
    await api.call("PUT", "/v1/queues/handled", { ...policy, target: { type: "handler", name: "wordcount" } });
    const posted = await api.call("PUT", "/v1/queues/posted", { target: SECRET_TARGET });
    expect(posted.status).toBe(201);
    const submitters = QUEUES.map((queue) => new Submitter(api, queue, CANARIES.payload));
    const workers = [1, 2].map((n) => new PullWorker(api, "pulled", `worker-${n}`));
    const submitting = Promise.all(submitters.map((submitter) => submitter.run()));
    const working = Promise.all(workers.map((worker) => worker.run()));

    for (let kill = 0; kill < lane.histories.kills; kill++) {
      const [least, most] = BETWEEN_KILLS_MS;
      await pause(least + Math.random() * (most - least));
      await platform.end("SIGKILL");
      platform = await spawnPlatform(options);
      platforms.push(platform);
    }
    for (const submitter of submitters) submitter.stop();
    await submitting;
    await drained(api);
    for (const worker of workers) worker.stop();
    await working;

    const outcomes = new Map<string, string>();
    for (const { queue, accepted } of submitters) {
      const jobs = await api.jobs(queue);
      expect(accepted.size).toBeGreaterThan(100);
      // Every key that was acknowledged is there under the id that was acknowledged, and no key is there twice.
      const byKey = new Map(jobs.map((job) => [job.idempotencyKey ?? "", job]));
      expect(byKey.size).toBe(jobs.length);
      for (const [key, id] of accepted) expect(byKey.get(key)?.id, key).toBe(id);
      for (const job of jobs) {
        expect(job.state, job.id).toBe("succeeded");
        expect(job.attempts.filter((attempt) => attempt.outcome === "succeeded").length, job.id).toBe(1);
        outcomes.set(job.id, job.state);
      }
    }
    // A pull worker that was told "recorded" twice for one job would have done it twice.
    const recorded = workers.flatMap((worker) => worker.recorded);
    expect(new Set(recorded).size).toBe(recorded.length);

    await platform.end("SIGTERM");
    expect(readHistory(stateDir)).toEqual(outcomes);
    for (const { output } of platforms) expect(secretsIn(output(), CANARIES), output()).toEqual([]);
  } finally {
    await platform.end("SIGKILL");
    rmSync(stateDir, { recursive: true, force: true });
  }
});

/** Waits until no job is unfinished and history has them all. */
async function drained({ url }: Api): Promise<void> {
  const until = Date.now() + DRAIN_MS;
  for (;;) {
    const metrics = await readMetrics({ url, key: ROOT_KEY });
    const open = (metrics.get("dure_shard_live_jobs") ?? 1) + (metrics.get("dure_jobs_unprojected") ?? 1);
    if (open === 0) return;
    if (Date.now() > until) throw new Error(`${open} jobs are not finished and in history after ${DRAIN_MS} ms`);
    await pause(250);
  }
}
