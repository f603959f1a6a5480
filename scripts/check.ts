import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** `npm run check`: everything that must hold before a commit. Stops at nothing, reports all, fails if any failed. */
const out = mkdtempSync(join(tmpdir(), "dure-check-"));
const dryRun = (config: string, name: string) => ["deploy", "--dry-run", "-c", config, "--outdir", join(out, name)];

const examples = globSync("examples/*/wrangler.toml").sort();

type Step = [name: string, command: string, args: string[]];
const steps: Step[] = [
  ["format and lint", "biome", ["ci", "--error-on-warnings"]],
  ["types", "tsc", ["-p", "."]],
  ["house", process.execPath, ["scripts/house.ts"]],
  ["bindings", process.execPath, ["scripts/types.ts", "--check"]],
  ["unused code", "knip", []],
  ["openapi.json", process.execPath, ["scripts/openapi.ts", "--check"]],
  ["gateway builds", "wrangler", dryRun("wrangler.toml", "gateway")],
  ["processor builds", "wrangler", dryRun("workers/processor/wrangler.toml", "processor")],
  ...examples.map((config): Step => [`${dirname(config)} builds`, "wrangler", dryRun(config, dirname(config))]),
  ["tests", process.execPath, ["scripts/test.ts"]],
];

const results: string[] = [];
let failed = false;
for (const [name, command, args] of steps) {
  console.log(`\n== ${name}: ${command === process.execPath ? "node" : command} ${args.join(" ")}`);
  const start = Date.now();
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) failed = true;
  results.push(`${status === 0 ? "ok    " : "FAILED"} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}
rmSync(out, { recursive: true });
console.log(`\n${results.join("\n")}`);
process.exit(failed ? 1 : 0);
