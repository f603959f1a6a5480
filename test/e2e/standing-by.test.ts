import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Api } from "../../scripts/api.ts";
import { startHost } from "../../scripts/host.ts";

/**
 * On the runtime as it is: the tests of `test/workers` run without the flag by which what one request resolves goes on in the request
 * that waits for it.
 */

const ROOT_KEY = "dure_root_of-claims-that-stand-by-0123456789abc";
const CLAIMS = 60;
const WAIT_SECONDS = 60;

const MAINS: [string, string] = [
  join(import.meta.dirname, "unlooking/index.ts"),
  join(import.meta.dirname, "../../workers/processor/index.ts"),
];

interface Claimed {
  jobs: { id: string }[];
}

it("claims that leave a shard to others are told of work by them, and take their places", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-standing-by-"));
  const host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir, mains: MAINS, vars: { SHARDS: "1" } });
  const api = new Api(host.url, ROOT_KEY);
  const given: string[] = [];
  const claim = async () => {
    const { body } = await api.call("POST", "/v1/queues/q/claim", { wait: WAIT_SECONDS, max: 1 });
    given.push(...(body as Claimed).jobs.map(({ id }) => id));
  };
  const submit = (n: number) =>
    api.call("POST", "/v1/batches", { jobs: Array.from({ length: n }, () => ({ queue: "q", payload: 1 })) });
  try {
    await api.call("PUT", "/v1/queues/q", { target: { type: "pull" } });
    // Those that are given nothing end with the host.
    for (let i = 0; i < CLAIMS; i++) claim().catch(() => undefined);
    // Spaces of their answers have been sent by then.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // More than watch, and then one after the other: somebody watches all the time.
    await submit(CLAIMS / 2);
    await expect.poll(() => given.length, { timeout: 20_000 }).toBe(CLAIMS / 2);
    for (let more = 1; more <= 3; more++) {
      await submit(1);
      await expect.poll(() => given.length, { timeout: 20_000 }).toBe(CLAIMS / 2 + more);
    }
    expect(new Set(given).size).toBe(CLAIMS / 2 + 3);
  } finally {
    await host.stop();
    rmSync(stateDir, { recursive: true });
  }
}, 60_000);
