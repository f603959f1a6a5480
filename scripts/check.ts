import { spawn } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureClient } from "./client-package.ts";

/**
 * `npm run check`: everything that can be said of the source without running it. Stops at nothing, reports all, fails if any
 * failed. Steps run side by side, the longest first, and the output of each is printed whole when it ends.
 */
const out = mkdtempSync(join(tmpdir(), "dure-check-"));
const dryRun = (config: string, name: string) => ["deploy", "--dry-run", "-c", config, "--outdir", join(out, name)];

const examples = globSync("examples/*/wrangler.toml").sort();

type Step = [name: string, command: string, args: string[]];
const steps: Step[] = [
  ["types", "tsc", ["-p", "."]],
  ["types of the client", "tsc", ["-p", "client"]],
  ["house rules", process.execPath, ["scripts/house.ts"]],
  ["unused code", "knip", []],
  ["bindings", process.execPath, ["scripts/types.ts", "--check"]],
  ["format and lint", "biome", ["ci", "--error-on-warnings"]],
  ["openapi.json and the client's types", process.execPath, ["scripts/openapi.ts", "--check"]],
  ["gateway builds", "wrangler", dryRun("wrangler.toml", "gateway")],
  ["processor builds", "wrangler", dryRun("workers/processor/wrangler.toml", "processor")],
  ...examples.map((config): Step => [`${dirname(config)} builds`, "wrangler", dryRun(config, dirname(config))]),
];

interface Outcome {
  ok: boolean;
  output: string;
  seconds: number;
}

function run(command: string, args: string[]): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    let output = "";
    const end = (ok: boolean) => resolve({ ok, output, seconds: (performance.now() - start) / 1000 });
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", (error) => {
      output += error;
      end(false);
    });
    child.once("close", (status) => end(status === 0));
  });
}

const results = new Map<string, Outcome>();
const left = [...steps];

/** Takes one step after the other, as the others of its kind do. */
async function work(): Promise<void> {
  for (let step = left.shift(); step !== undefined; step = left.shift()) {
    const [name, command, args] = step;
    const outcome = await run(command, args);
    results.set(name, outcome);
    console.log(
      `\n== ${name}: ${command === process.execPath ? "node" : command} ${args.join(" ")}\n${outcome.output}`,
    );
  }
}

const start = performance.now();
// The examples import it as it is published.
await ensureClient();
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
rmSync(out, { recursive: true });
const lines = steps.map(([name]) => {
  const { ok, seconds } = results.get(name) ?? { ok: false, seconds: 0 };
  return `${ok ? "ok    " : "FAILED"} ${name} (${seconds.toFixed(1)} s)`;
});
console.log(`\n${lines.join("\n")}\nin ${((performance.now() - start) / 1000).toFixed(1)} s`);
process.exit([...results.values()].every(({ ok }) => ok) ? 0 : 1);
