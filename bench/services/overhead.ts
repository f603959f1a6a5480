import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Dure } from "../dure/system.ts";
import { Client, fixedWork, median } from "../load.ts";
import type { Row } from "../report.ts";

/** What the proxy adds to a request, beside the same request sent to the instance itself, round by round. */

const ROUNDS = 5;
const CALLS = 400;
const WARM_UP = 100;
const CONCURRENCY = 16;
/** Under load, what a request takes is mostly the work of workerd, of which the direct one has none. */
const MOST_ADDED_MS = 5;

interface Times {
  p50: number;
  p99: number;
}

/** Latencies of small GETs through the proxy and without it: one at a time, and 16 at a time. */
export async function proxyRows(system: Dure): Promise<Row[]> {
  const server = createServer((_, response) => {
    response.end('{"well":true}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const through = new Client(system.url, { authorization: `Bearer ${system.rootKey}` });
  const direct = new Client(url, {});
  try {
    await putService(system, url);
    const ask = { direct: () => direct.send("/"), through: () => through.send("/v1/services/bench/proxy/") };
    return [
      ...(await rowsOf("one at a time", 1, ask)),
      ...(await rowsOf(`${CONCURRENCY} at a time`, CONCURRENCY, ask)),
    ];
  } finally {
    await Promise.all([through.close(), direct.close()]);
    server.closeAllConnections();
    server.close();
  }
}

async function putService({ url, rootKey }: Dure, instance: string): Promise<void> {
  const answer = await fetch(`${url}/v1/services/bench`, {
    method: "PUT",
    headers: { authorization: `Bearer ${rootKey}`, "content-type": "application/json" },
    body: JSON.stringify({ instances: [{ url: instance }] }),
  });
  if (!answer.ok) throw new Error(`the service was not put: ${answer.status} ${await answer.text()}`);
}

async function rowsOf(
  name: string,
  concurrency: number,
  ask: { direct: () => Promise<unknown>; through: () => Promise<unknown> },
): Promise<Row[]> {
  await fixedWork(concurrency, WARM_UP, ask.through);
  const rounds: { direct: Times; through: Times }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ direct: await times(concurrency, ask.direct), through: await times(concurrency, ask.through) });
  }
  const row = (percentile: keyof Times): Row => {
    const floor = median(rounds.map(({ direct }) => direct[percentile]));
    const dure = median(rounds.map(({ through }) => through[percentile]));
    const budget =
      percentile === "p50" && concurrency === 1 ? { of: "figure" as const, atMost: MOST_ADDED_MS } : undefined;
    return {
      name: `GET through the proxy, ${name}, ${percentile}`,
      beside: "direct",
      floor,
      dure,
      unit: "ms",
      ...(budget === undefined ? {} : { budget }),
    };
  };
  return [row("p50"), row("p99")];
}

async function times(concurrency: number, call: () => Promise<unknown>): Promise<Times> {
  const all: number[] = [];
  await fixedWork(concurrency, CALLS, async () => {
    const began = performance.now();
    await call();
    all.push(performance.now() - began);
  });
  all.sort((a, b) => a - b);
  const at = (part: number) => all[Math.floor(all.length * part)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
