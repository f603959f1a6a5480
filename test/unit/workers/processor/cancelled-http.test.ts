import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Bindings } from "../../../../workers/processor/bindings.ts";
import { Connections } from "../../../../workers/processor/connections.ts";
import { executor, executorsOf } from "../../../../workers/processor/executors/execute.ts";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import type { WorkPorts } from "../../../../workers/processor/work-ports.ts";
import { testTargets } from "../../../rigs/master-key.ts";
import { httpItem } from "../../../rigs/scripted-shard.ts";
import { ANY_TARGET } from "../../../rigs/target-rules.ts";

/** The loop's clock runs so much faster than the wall's: a heartbeat is due after a quarter of a second. */
const SPEED = 20;

/** A server that takes requests and never answers: when each came in, and when its connection was closed. */
async function silentServer() {
  const opened: number[] = [];
  const closed: number[] = [];
  const server = createServer((request, response) => {
    request.resume();
    opened.push(Date.now());
    response.on("close", () => closed.push(Date.now()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, opened, closed, close };
}

test("a cancellation closes the connection of a running HTTP job at the next heartbeat, and nothing is reported", async () => {
  const server = await silentServer();
  const startedAt = Date.now();
  const now = () => 1_800_000_000_000 + (Date.now() - startedAt) * SPEED;
  const backlog = [httpItem(1, { target: { type: "http", url: server.url, headers: {} } })];
  const reports: unknown[] = [];
  const beats: number[] = [];
  const ports: WorkPorts = {
    work: async (request) => {
      reports.push(...request.reports);
      return { type: "work", reports: [], items: request.room.http > 0 ? backlog.splice(0) : [] };
    },
    // The job was cancelled soon after it began.
    extend: async (request) => {
      beats.push(Date.now());
      return { type: "extended", results: request.leases.map(() => ({ status: "cancelled" }) as const) };
    },
    report: () => Promise.reject(new Error("the job stays where it is")),
    execute: executor(
      executorsOf({
        handlers: {},
        http: {
          fetch: (url, init) => fetch(url, init),
          now,
          after: () => () => undefined,
          spanId: () => "00f067aa0ba902b7",
          secrets: async () => ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
          openTarget: testTargets(),
          targets: ANY_TARGET,
        },
        bindings: new Bindings({}, new Map()),
        acquire: () => Promise.resolve({ type: "unknown" }),
      }),
    ),
    now,
    random: Math.random,
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms / SPEED);
      return () => clearTimeout(timer);
    },
    log: () => undefined,
  };
  try {
    await runWorkLoop(ports, {
      lane: "default",
      worker: "w",
      budgetMs: 750,
      endsAt: Number.POSITIVE_INFINITY,
      pollMs: 0,
      connections: new Connections(6),
    });
    await expect.poll(() => server.closed.length, { timeout: 10_000 }).toBe(1);
    expect(server.opened).toHaveLength(1);
    const [closedAt = 0] = server.closed;
    expect((closedAt - startedAt) * SPEED).toBeGreaterThan(4_000);
    // It was the first one, and how late it came is a matter of the machine.
    expect(beats).toHaveLength(1);
    expect(closedAt).toBeGreaterThanOrEqual(beats[0] ?? Number.POSITIVE_INFINITY);
    expect(reports).toEqual([]);
  } finally {
    server.close();
  }
});
