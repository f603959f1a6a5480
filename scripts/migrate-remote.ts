import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { assertSameDatabases, readWorkerConfig } from "./worker-options.ts";

/** A step of `npm run deploy`, between the two Workers: every database of `wrangler.toml` gets the migrations it has not seen. */
const root = join(import.meta.dirname, "..");
const gateway = readWorkerConfig(join(root, "wrangler.toml"));
assertSameDatabases(gateway, readWorkerConfig(join(root, "workers/processor/wrangler.toml")));
for (const database of gateway.databases) {
  const { status } = spawnSync("wrangler", ["d1", "migrations", "apply", database, "--remote"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
