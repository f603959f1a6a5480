import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Api } from "../../scripts/api.ts";
import { freePort, spawnPlatform } from "../../scripts/platform.ts";
import { lane } from "../lane.ts";

const ROOT_KEY = "dure_root_of-the-kill-test-0123456789abcdefghijkl";
const JOBS = 20;
const KILLS = Math.ceil(lane.histories.kills / 3);
/** So long a kill waits for a job that is in hand, and takes what there is then. */
const WATCH_MS = 2_000;

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** An instance that answers nobody until it is opened. */
class Gate {
  #open = false;
  readonly #held: ServerResponse[] = [];
  readonly server = createServer((request, response) => {
    request.resume();
    if (this.#open) response.end("{}");
    else this.#held.push(response);
  });

  open(): void {
    this.#open = true;
    for (const response of this.#held) response.end("{}");
  }
}

it("jobs that wait for a permit of their service spend no attempt, though the platform is killed while they wait", {
  timeout: 180_000 + KILLS * 20_000,
}, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-service-kill-"));
  const options = { port: await freePort(), rootKey: ROOT_KEY, stateDir };
  const api = new Api(`http://127.0.0.1:${options.port}`, options.rootKey);
  const must = async (method: string, path: string, body: unknown) =>
    expect((await api.call(method, path, body)).status, path).toBeLessThan(300);
  const gate = new Gate();
  await new Promise<void>((listening) => gate.server.listen(0, "127.0.0.1", listening));
  const { port } = gate.server.address() as AddressInfo;
  let platform = await spawnPlatform(options);
  try {
    const instances = [{ url: `http://127.0.0.1:${port}` }];
    await must("PUT", "/v1/services/narrow", { instances, bulkhead: { maxInFlight: 1 }, breaker: null });
    const target = { type: "service", service: "narrow", path: "/" };
    await must("PUT", "/v1/queues/first", { target, retry: { maxAttempts: 100, delay: 0.1, maxDelay: 1 } });
    await must("PUT", "/v1/queues/patient", { target, retry: { maxAttempts: 1 } });
    // It has the only permit.
    await must("POST", "/v1/jobs", { queue: "first", payload: null });
    await expect.poll(async () => (await api.jobs("first"))[0]?.state, { timeout: 20_000 }).toBe("running");
    const jobs = Array.from({ length: JOBS }, (_, i) => ({ queue: "patient", payload: i }));
    await must("POST", "/v1/batches", { atomic: false, jobs });
    for (let kill = 0; kill < KILLS; kill++) {
      const until = Date.now() + WATCH_MS;
      // The worst moment is that in which one is in hand.
      while (Date.now() < until && !(await api.jobs("patient")).some(({ state }) => state === "running"))
        await pause(10);
      await platform.end("SIGKILL");
      platform = await spawnPlatform(options);
    }
    gate.open();
    // Whoever was killed has the permit for half a minute more.
    await must("PATCH", "/v1/services/narrow", { bulkhead: null });
    const isDone = async () => (await api.jobs("patient")).every(({ finishedAt }) => finishedAt !== null);
    await expect.poll(isDone, { timeout: 120_000, interval: 500 }).toBe(true);
    const states = (await api.jobs("patient")).map(({ state }) => state);
    expect(states).toEqual(Array(JOBS).fill("succeeded"));
  } finally {
    await platform.end("SIGKILL");
    gate.server.closeAllConnections();
    gate.server.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
});
