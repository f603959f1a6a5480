import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startHost } from "../../scripts/host.ts";

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

it("a killed workerd is started again, and the cron trigger goes on", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-host-"));
  const host = await startHost({
    port: 0,
    rootKey: "dure_root_of-the-host-test-0123456789abcdefghijkl",
    stateDir,
    cronMs: 300,
  });
  try {
    const killed = host.workerd();
    if (killed === null) throw new Error("the host does not know its workerd");
    process.kill(killed, "SIGKILL");
    for (let tries = 0; tries < 100 && host.workerd() === killed; tries++) await pause(200);
    const { status } = await fetch(`${host.url}/readyz`);
    expect(status).toBe(200);
    // A cron that fails for good would end the process by now.
    await pause(1500);
    expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
  } finally {
    await host.stop();
    rmSync(stateDir, { recursive: true });
  }
});
