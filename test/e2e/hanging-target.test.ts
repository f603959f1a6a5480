import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startHost } from "../../scripts/host.ts";

/** Of the one invocation that a local lane has: a quarter of it is each of four shards', of which a host may have three. */
const MAX_CONNECTIONS = "16";
const ROOT_KEY = "dure_root_hanging-target-hanging-target-00";

interface Answer {
  id: string;
  state: string;
  reason: string;
  detail: string;
  items: { id: string }[];
}

it("a target that never answers leaves connections to the neighbour, and explain says why its jobs wait", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-hanging-"));
  let hanging = 0;
  const silent = await listen(() => {
    hanging += 1;
  });
  const quick = await listen((end) => end());
  const host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir, vars: { MAX_CONNECTIONS, SHARDS: "4" } });
  const call = async (
    namespace: string,
    path: string,
    { method = "GET", body }: { method?: string; body?: unknown } = {},
  ) => {
    const response = await fetch(`${host.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ROOT_KEY}`, "dure-namespace": namespace, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    expect(response.status, `${method} ${path}`).toBeLessThan(300);
    return (await response.json()) as Answer;
  };
  try {
    for (const [namespace, target] of [
      ["hog", silent],
      ["victim", quick],
    ] as const) {
      await call("default", `/v1/namespaces/${namespace}`, { method: "PUT", body: {} });
      const settings = { target: { type: "http", url: urlOf(target), firstByteTimeout: 900 }, timeout: 900 };
      await call(namespace, "/v1/queues/hooks", { method: "PUT", body: settings });
    }
    const hogs: string[] = [];
    for (let batch = 0; batch < 4; batch++) {
      // Jobs without a key of one batch may all go to one shard.
      const jobs = Array.from({ length: 100 }, (_, i) => ({
        queue: "hooks",
        payload: {},
        orderingKey: `${batch}-${i}`,
      }));
      const { items } = await call("hog", "/v1/batches", { method: "POST", body: { jobs } });
      hogs.push(...items.map(({ id }) => id));
    }
    await expect.poll(() => hanging, { timeout: 30_000 }).toBe(12);
    // It has what it may have, and gets no more.
    await new Promise((wake) => setTimeout(wake, 1_500));
    expect(hanging).toBe(12);

    for (let i = 0; i < 8; i++) {
      const { id } = await call("victim", "/v1/jobs", { method: "POST", body: { queue: "hooks", payload: {} } });
      const read = () => call("victim", `/v1/jobs/${id}`).then(({ state }) => state);
      await expect.poll(read, { timeout: 30_000 }).toBe("succeeded");
    }
    const { reason, detail } = await call("hog", `/v1/jobs/${hogs.at(-1)}/explain`);
    expect({ reason, detail }).toEqual({
      reason: "connections",
      detail: "3 of 3 connections of lane default that one host may have here are in use.",
    });
  } finally {
    for (const server of [silent, quick]) {
      server.closeAllConnections();
      server.close();
    }
    await host.stop();
    rmSync(stateDir, { recursive: true });
  }
}, 120_000);

async function listen(answer: (end: () => void) => void): Promise<Server> {
  const server = createServer((_, response) => answer(() => response.end("{}")));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
