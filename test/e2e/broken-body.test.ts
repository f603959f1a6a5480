import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import type { Host } from "../../scripts/host.ts";
import { startLimitedHost } from "./limited-host.ts";
import { exchange, halfClose, reset } from "./raw-http.ts";

/** Bodies that break off on their way, as workerd itself hears of them. */

const ROOT_KEY = "dure_root_of-the-broken-bodies-0123456789abcdefg";

let host: Host;
/** What the platform has written. */
const logged: unknown[] = [];
const stateDir = mkdtempSync(join(tmpdir(), "dure-broken-"));

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

const WITH_BODY = CALL_LIST.filter(({ body }) => body !== undefined);

function head({ method, path }: (typeof WITH_BODY)[number], framing: string): string {
  const lines = [
    `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, "some-name")} HTTP/1.1`,
    "host: dure.test",
    `authorization: Bearer ${ROOT_KEY}`,
    "content-type: application/json",
    framing,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const SENT = '{"payload":{"text":"';
const BROKEN: [what: string, framing: string, body: string][] = [
  ["of a stated length that is not reached", "content-length: 100", SENT],
  ["in chunks without an end", "transfer-encoding: chunked", `14\r\n${SENT}\r\n`],
  ["in a chunk that is not whole", "transfer-encoding: chunked", `64\r\n${SENT}`],
];

describe.each(BROKEN)("a body %s, of a client that listens on", (_, framing, body) => {
  it.each(WITH_BODY.map((definition) => [definition.id, definition] as const))("%s", async (_id, definition) => {
    const { text } = await halfClose(host.url, head(definition, framing) + body);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain("The body broke off.");
  });
});

it("a chunk that is malformed is a 400 too", async () => {
  const malformed = `14\r\n${SENT}\r\nno length\r\n`;
  for (const definition of WITH_BODY.slice(0, 3)) {
    const { text } = await exchange(host.url, head(definition, "transfer-encoding: chunked") + malformed);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
  }
});

it("neither these nor clients that have gone are errors of the platform", async () => {
  for (const [, framing, body] of BROKEN) {
    for (const definition of WITH_BODY.slice(0, 3)) await reset(host.url, head(definition, framing) + body);
  }
  const answer = await fetch(`${host.url}/healthz`);
  expect(answer.status).toBe(200);
  expect(logged).toEqual([]);
});
