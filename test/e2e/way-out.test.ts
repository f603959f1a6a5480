import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startHost } from "../../scripts/host.ts";
import { publicNetwork } from "../../scripts/way-out.ts";
import { bundleWorker } from "../../scripts/worker-options.ts";

/** Runs with the processor's settings, and calls what it is told to. */
const PROBE = join(import.meta.dirname, "probe/index.ts");
const GATEWAY = join(import.meta.dirname, "../../workers/gateway/index.ts");

/** Sends everything through its network. */
const OUT = {
  compatibilityDate: "2026-11-01",
  modules: [
    {
      type: "ESModule" as const,
      path: "index.js",
      contents: "export default { fetch: (request, env) => env.NETWORK.fetch(request) };",
    },
  ],
};

let stateDir = "";
let calls: string[] = [];
const server = createServer((request, response) => {
  calls.push(request.headers.host ?? "");
  response.end("reached");
});

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "dure-way-out-"));
  calls = [];
  await new Promise<void>((resolve) => server.listen(0, resolve));
});
afterEach(() => {
  server.close();
  rmSync(stateDir, { recursive: true });
});

/** What the processor's Worker gets from each of the URLs, with private targets allowed or not. */
async function reached(allowPrivate: boolean, urls: string[]): Promise<string[]> {
  const vars = { ALLOW_PRIVATE_TARGETS: String(allowPrivate) };
  const host = await startHost({ port: 0, rootKey: "dure_root_host", stateDir, mains: [GATEWAY, PROBE], vars });
  try {
    const probe = await host.mf.getWorker("dure-processor");
    const asked = urls.map(async (url) => (await probe.fetch("http://probe/", { headers: { url } })).text());
    return await Promise.all(asked);
  } finally {
    await host.stop();
  }
}

/** Names and addresses that all mean this machine, the names by what this machine's resolver says. */
function local(): string[] {
  const { port } = server.address() as AddressInfo;
  return ["localhost", hostname(), "127.0.0.1", "[::ffff:127.0.0.1]"].map((host) => `http://${host}:${port}/`);
}

describe("where private targets are not allowed", () => {
  it("a name that resolves to this machine is not reached from the processor, whatever the rules by text would say", async () => {
    expect(await reached(false, local())).toEqual(
      local().map(() => "refused: the host has no address that is public, and private ones may not be called"),
    );
    expect(calls).toEqual([]);
  });
});

describe("where they are allowed", () => {
  it("the same names are reached", async () => {
    expect(await reached(true, local())).toEqual(local().map(() => "reached"));
    expect(calls).toHaveLength(local().length);
  });
});

it("the network's list forbids an IPv4 address only by an IPv4 block, so that the public ones stay open", async () => {
  const { deny, ...network } = publicNetwork();
  const opened = { ...network, allow: ["public", "local"], deny: deny.filter((block) => block !== "127.0.0.0/8") };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: "probe",
          modules: [{ type: "ESModule", path: "index.js", contents: await bundleWorker(PROBE) }],
          compatibilityDate: "2026-11-01",
          outboundService: "out",
        },
        { name: "out", ...OUT, serviceBindings: { NETWORK: { network: opened } } },
      ],
      cf: false,
      telemetry: { enabled: false },
    }),
  );
  try {
    const probe = await miniflare.getWorker("probe");
    const { port } = server.address() as AddressInfo;
    const answer = await probe.fetch("http://probe/", { headers: { url: `http://127.0.0.1:${port}/` } });
    expect(await answer.text()).toBe("reached");
  } finally {
    await miniflare.dispose();
  }
});

it("a list of hosts that cannot be read stops the start, before there is any state", async () => {
  const vars = { TARGET_HOSTS: "https://example.com" };
  await expect(startHost({ port: 0, rootKey: "dure_root_host", stateDir, vars })).rejects.toThrow(
    'TARGET_HOSTS is a list of hosts separated by commas, such as "example.com, *.example.org", not "https://example.com".',
  );
  expect(readdirSync(stateDir)).toEqual([]);
});
