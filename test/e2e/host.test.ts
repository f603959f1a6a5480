import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { startHost } from "../../scripts/host.ts";

const ROOT = join(import.meta.dirname, "../..");
const ROOT_KEY = "dure_root_of-the-host-test-0123456789abcdefghijkl";
const folder = mkdtempSync(join(tmpdir(), "dure-host-"));
const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

afterAll(() => rmSync(folder, { recursive: true }));

/** The two Workers, of which the gateway does this before each of its rounds. */
function before(round: string): [gateway: string, processor: string] {
  const main = join(mkdtempSync(join(folder, "gateway-")), "gateway.ts");
  const gateway = JSON.stringify(join(ROOT, "workers/gateway/index.ts"));
  writeFileSync(
    main,
    `export * from ${gateway};
     import gateway from ${gateway};
     let rounds = 0;
     const scheduled = async (...round) => {
       ${round}
       return gateway.scheduled(...round);
     };
     export default { ...gateway, scheduled };`,
  );
  return [main, join(ROOT, "workers/processor/index.ts")];
}

/** Says more at each of its first rounds than fits into the pipe that the host reads its log from. Lines like these are left out of what a test prints. */
const TALKS = `if (rounds++ < 3) for (let line = 0; line < 2000; line++) console.log('{"line": ' + line + ', "text": "' + "x".repeat(200) + '"}');`;

it("a host that is stopped in the middle of a round says nothing of it", async () => {
  const said = vi.spyOn(console, "error");
  try {
    const mains = before("await new Promise((wake) => setTimeout(wake, 20_000));");
    const host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir: join(folder, "stopped-state"), mains });
    expect((await fetch(`${host.url}/healthz`)).status).toBe(200);
    await host.stop();
    await pause(500);
    expect(said.mock.calls).toEqual([]);
  } finally {
    said.mockRestore();
  }
});

it("a killed workerd is started again, and the cron trigger goes on, whatever the Workers write into their log", async () => {
  const stateDir = join(folder, "state");
  const host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir, cronMs: 300, mains: before(TALKS) });
  try {
    const killed = host.workerd();
    if (killed === null) throw new Error("the host does not know its workerd");
    process.kill(killed, "SIGKILL");
    for (let tries = 0; tries < 100 && host.workerd() === killed; tries++) await pause(200);
    const { status } = await fetch(`${host.url}/readyz`);
    expect(status).toBe(200);
    // A cron that fails for good would end the process by now.
    await pause(1500);
    const ready = async () => (await fetch(`${host.url}/readyz`)).json();
    const expected = { status: "ok", checks: { cron: { ok: true, ageSeconds: expect.any(Number) } } };
    await expect.poll(ready, { timeout: 60_000, interval: 500 }).toMatchObject(expected);
  } finally {
    await host.stop();
  }
});

it("a migration that cannot be applied is said in a sentence without SQL, and nothing listens", async () => {
  const config = join(folder, "broken/wrangler.toml");
  mkdirSync(join(folder, "broken/migrations"), { recursive: true });
  cpSync(join(ROOT, "migrations/0001_access.sql"), join(folder, "broken/migrations/0001_access.sql"));
  writeFileSync(join(folder, "broken/migrations/0002_broken.sql"), "ALTER TABLE nothing_like_it ADD COLUMN x TEXT;");
  writeFileSync(config, readFileSync(join(ROOT, "wrangler.toml"), "utf8"));
  const stateDir = join(folder, "broken-state");
  const configs: [string, string] = [config, join(ROOT, "workers/processor/wrangler.toml")];
  const mains: [string, string] = [join(ROOT, "workers/gateway/index.ts"), join(ROOT, "workers/processor/index.ts")];
  await expect(startHost({ port: 0, rootKey: ROOT_KEY, stateDir, configs, mains })).rejects.toThrow(
    /^The migration 0002_broken\.sql cannot be applied to the database in .*: .*no such table: nothing_like_it.*\.$/,
  );
});
