import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Host } from "../../scripts/host.ts";
import { startLimitedHost } from "./limited-host.ts";
import { exchange } from "./raw-http.ts";

/** Requests that name no host, which no HTTP library would send. */

const ROOT_KEY = "dure_root_of-the-broken-hosts-0123456789abcdefghij";

let host: Host;
/** What the platform has written. */
const logged: unknown[] = [];
const stateDir = mkdtempSync(join(tmpdir(), "dure-hosts-"));

beforeAll(async () => {
  host = await startLimitedHost({ port: 0, rootKey: ROOT_KEY, stateDir, vars: { SHARDS: "1" } });
  for (const level of ["error", "log"] as const)
    vi.spyOn(console, level).mockImplementation((line) => logged.push(line));
});

afterAll(async () => {
  vi.restoreAllMocks();
  await host.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

/** What comes back, without the rest of the connection. */
async function answerTo(target: string, lines: string[]): Promise<string> {
  const head = [target, ...lines, `authorization: Bearer ${ROOT_KEY}`, "connection: close", "", ""];
  return (await exchange(host.url, head.join("\r\n"))).text;
}

const ROUTES = [
  "GET /v1/services/some-name/proxy/x HTTP/1.1",
  "GET /v1/services HTTP/1.1",
  "GET /v1/jobs?limit=1 HTTP/1.1",
  "GET /healthz HTTP/1.1",
  "DELETE /v1/nothing/here HTTP/1.1",
  "GET / HTTP/1.1",
];

describe.each(ROUTES)("%s", (target) => {
  it.each<[string, string[]]>([
    ["characters of no host", ['host: a"b<c>']],
    ["a space", ["host: x y"]],
    ["half an address", ["host: [::1"]],
    ["a port beyond all ports", ["host: a:99999"]],
    ["two hosts", ["host: a.test", "host: b.test"]],
    ["a path", ["host: a/v1"]],
    ["a query", ["host: a?b"]],
    ["a user", ["host: a@b"]],
  ])("with %s is a 400 that names the header", async (_, lines) => {
    const text = await answerTo(target, lines);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toMatch(/\r\nx-request-id: \S+\r\n/i);
    expect(text).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i);
    expect(text).toContain('"detail":"The header Host is one host, with a port or without."');
    expect(text).toContain('"header":"Host"');
  });
});

it("a host is one with a port and without, as a name and as an address", async () => {
  for (const name of ["dure.test", "dure.test:8080", "127.0.0.1", "[::1]:8787", "xn--bcher-kva.test", "a_b.test"]) {
    expect(await answerTo("GET /healthz HTTP/1.1", [`host: ${name}`])).toMatch(/^HTTP\/1.1 200 /);
  }
});

it.each(["GET http://x:99999/v1/services HTTP/1.1", "GET http://[::1/v1/services HTTP/1.1", "OPTIONS * HTTP/1.1"])(
  "an address that cannot be read is no fault of the platform: %s",
  async (target) => {
    expect(await answerTo(target, ["host: dure.test"])).toMatch(/^HTTP\/1.1 [24]\d\d /);
  },
);

it("none of these is an error of the platform", () => {
  expect(logged).toEqual([]);
});
