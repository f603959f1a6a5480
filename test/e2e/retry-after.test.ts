import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startLimitedHost } from "./limited-host.ts";

const ROOT_KEY = "dure_root_of-a-target-that-asks-to-wait-00001";

interface Seen {
  at: number;
  attempt: string | undefined;
}

it("a target that answers 503 with Retry-After is asked again no sooner, and no attempt is spent", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-retry-after-"));
  const seen: Seen[] = [];
  const target = createServer((request, response) => {
    seen.push({ at: Date.now(), attempt: request.headers["dure-attempt"]?.toString() });
    if (seen.length <= 2) response.writeHead(503, { "retry-after": "2" }).end();
    else response.writeHead(200, { "content-type": "application/json" }).end('{"done":true}');
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
  const host = await startLimitedHost({ port: 0, rootKey: ROOT_KEY, stateDir });
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${host.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ROOT_KEY}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    expect(response.status, `${method} ${path}`).toBeLessThan(300);
    return (await response.json()) as { id: string; state: string; attempt: number; result: unknown };
  };
  try {
    // With one attempt a single failure would be the end.
    const retry = { maxAttempts: 1, backoff: "constant", delay: 0, jitter: "none" };
    await call("PUT", "/v1/queues/hooks", { target: { type: "http", url }, retry });
    const { id } = await call("POST", "/v1/jobs", { queue: "hooks", payload: {} });
    const read = () => call("GET", `/v1/jobs/${id}`);
    await expect.poll(async () => (await read()).state, { timeout: 60_000 }).toBe("succeeded");
    expect(await read()).toMatchObject({ attempt: 1, result: { done: true } });
    expect(seen.map(({ attempt }) => attempt)).toEqual(["1", "1", "1"]);
    const waits = seen.slice(1).map(({ at }, i) => at - (seen[i]?.at ?? 0));
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(2_000);
  } finally {
    target.closeAllConnections();
    target.close();
    await host.stop();
    rmSync(stateDir, { recursive: true });
  }
}, 120_000);
