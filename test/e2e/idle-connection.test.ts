import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startLimitedHost } from "./limited-host.ts";

const ROOT_KEY = "dure_root_idle-connection-idle-connection-0";

/**
 * A target that closes a kept connection just as the next request comes on it, as one does whose time for idle ones is over.
 * Answers how many requests it has lost.
 */
async function closingTarget() {
  let lost = 0;
  const server = createServer((socket: Socket) => {
    let requests = 0;
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      // The body may come apart from the head.
      if (!data.toString("latin1").startsWith("POST ")) return;
      requests += 1;
      if (requests > 1) {
        lost += 1;
        socket.destroy();
      } else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, lost: () => lost, close: () => server.close() };
}

it("a job whose target closes the connection as it is used again loses no attempt", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-idle-"));
  const target = await closingTarget();
  const host = await startLimitedHost({ port: 0, rootKey: ROOT_KEY, stateDir });
  const call = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${host.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ROOT_KEY}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { state: string; error: unknown };
  };
  try {
    const settings = { target: { type: "http", url: target.url }, concurrency: 1, retry: { maxAttempts: 1 } };
    await call("PUT", "/v1/queues/hooks", settings);
    for (let i = 0; i < 6; i++) {
      const job = await call("POST", "/v1/jobs", { queue: "hooks", payload: i }, { prefer: "wait=20" });
      expect(job).toMatchObject({ state: "succeeded", error: null });
    }
    expect(target.lost(), "the target lost none: this proves nothing").toBeGreaterThan(0);
  } finally {
    await host.stop();
    target.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
});
