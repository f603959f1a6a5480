import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Api } from "../../scripts/api.ts";
import { startLimitedHost } from "./limited-host.ts";

const ROOT_KEY = "dure_root_of-the-limited-host-0123456789abcdef";

it("a host under limits fails at its end where an invocation wanted a seventh connection for too long", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-limited-"));
  let asked = 0;
  const target = createServer(() => asked++);
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
  const vars = { MAX_CONNECTIONS: "16", SHARDS: "1" };
  const host = await startLimitedHost({ port: 0, rootKey: ROOT_KEY, stateDir, vars });
  const api = new Api(host.url, ROOT_KEY);
  try {
    await api.call("PUT", "/v1/queues/hooks", { target: { type: "http", url }, timeout: 25 });
    const jobs = Array.from({ length: 8 }, () => ({ queue: "hooks", payload: 1 }));
    await api.call("POST", "/v1/batches", { jobs });
    await expect.poll(() => asked, { timeout: 20_000 }).toBe(6);
    // So long a seventh may stand in line.
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    await expect(host.stop()).rejects.toThrow(/"limit":"connections","invocation":"processor queue"/);
  } finally {
    target.closeAllConnections();
    target.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}, 60_000);
