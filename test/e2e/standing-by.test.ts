import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Api } from "../../scripts/api.ts";
import { startHost } from "../../scripts/host.ts";
import { ENOUGH } from "../../workers/gateway/routing/waiting-claims.ts";

/** On the runtime as a user starts it, which is not told to keep requests apart as in the tests of `test/workers`. */

const ROOT_KEY = "dure_root_of-claims-that-stand-by-0123456789abc";
const CLAIMS = 60;
/** Of the workers of a queue, in seconds. */
const WAITS = [1, 2, 5];
/** A lease ends long after a test. */
const LEASE_SECONDS = 600;

interface Claimed {
  jobs: { id: string; attempt: number }[];
}

let host: Awaited<ReturnType<typeof startHost>>;
let api: Api;
const stateDir = mkdtempSync(join(tmpdir(), "dure-standing-by-"));

beforeAll(async () => {
  host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir, vars: { SHARDS: "4" } });
  api = new Api(host.url, ROOT_KEY);
});
afterAll(async () => {
  await host.stop();
  rmSync(stateDir, { recursive: true });
});

async function claim(queue: string, wait: number): Promise<Claimed["jobs"]> {
  const { body } = await api.call("POST", `/v1/queues/${queue}/claim`, { wait, max: 1, leaseSeconds: LEASE_SECONDS });
  return (body as Claimed).jobs;
}

/** So many clients wait for jobs of a queue, and are gone in one moment. */
async function leave(queue: string, clients: number): Promise<void> {
  await api.call("PUT", `/v1/queues/${queue}`, { target: { type: "pull" }, partitions: 1 });
  const agent = new Agent({ maxSockets: clients });
  const headers = { authorization: `Bearer ${ROOT_KEY}`, "content-type": "application/json" };
  for (let i = 0; i < clients; i++) {
    const waiting = request(`${host.url}/v1/queues/${queue}/claim`, { method: "POST", agent, headers });
    waiting.on("error", () => undefined);
    waiting.end(JSON.stringify({ wait: 60 }));
  }
  await pause(2_500);
  agent.destroy();
}

const submit = (queue: string, n: number) =>
  api.call("POST", "/v1/batches", { jobs: Array.from({ length: n }, () => ({ queue, payload: 1 })) });

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

it("claims that leave a shard to others take their places", async () => {
  await api.call("PUT", "/v1/queues/q", { target: { type: "pull" }, partitions: 1 });
  const given: string[] = [];
  const one = async () => {
    given.push(...(await claim("q", 60)).map(({ id }) => id));
  };
  // Those that are given nothing end with the host.
  for (let i = 0; i < CLAIMS; i++) one().catch(() => undefined);
  // Spaces of their answers have been sent by then.
  await pause(1_000);
  // More than watch, and then one after the other: somebody watches all the time.
  await submit("q", CLAIMS / 2);
  await expect.poll(() => given.length, { timeout: 20_000 }).toBe(CLAIMS / 2);
  for (let more = 1; more <= 3; more++) {
    await submit("q", 1);
    await expect.poll(() => given.length, { timeout: 20_000 }).toBe(CLAIMS / 2 + more);
  }
  expect(new Set(given).size).toBe(CLAIMS / 2 + 3);
}, 60_000);

it("a job is not leased to those whose clients have gone a moment before", async () => {
  for (let round = 1; round <= 3; round++) {
    const queue = `gone-${round}`;
    await leave(queue, ENOUGH);
    const waiting = claim(queue, 20);
    await submit(queue, 1);
    expect(await waiting).toMatchObject([{ attempt: 1 }]);
  }
}, 60_000);

it("claims of several queues that end at all times are given every job, also after many clients were gone in one moment", async () => {
  await leave("left", 200);
  const queues = ["one", "few", "many"];
  for (const [i, queue] of queues.entries()) {
    await api.call("PUT", `/v1/queues/${queue}`, { target: { type: "pull" }, partitions: 4 ** i });
  }
  const given: Claimed["jobs"] = [];
  const faults: unknown[] = [];
  let goesOn = true;
  const worker = async (i: number) => {
    const wait = WAITS[i % WAITS.length] ?? 1;
    while (goesOn) given.push(...(await claim(queues[i % queues.length] ?? "", wait)));
  };
  const workers = Array.from({ length: 3 * CLAIMS }, (_, i) => worker(i).catch((error: unknown) => faults.push(error)));
  await pause(2_500);
  let sent = 0;
  for (let i = 0; i < 60; i++) {
    const jobs = i % 7 === 0 ? 20 : 1;
    await Promise.all(queues.map((queue) => submit(queue, jobs)));
    sent += queues.length * jobs;
    await pause(150);
  }
  await expect.poll(() => given.length, { timeout: 15_000 }).toBe(sent);
  goesOn = false;
  await Promise.all(workers);
  expect(faults).toEqual([]);
  expect(given.filter(({ attempt }) => attempt !== 1)).toEqual([]);
  expect(new Set(given.map(({ id }) => id)).size).toBe(sent);
}, 120_000);
