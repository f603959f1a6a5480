import { spawnSync } from "node:child_process";

/**
 * Writes the types of both Workers' bindings from their wrangler.toml files, or with `--check` fails when the
 * committed ones are not what the files say. `--strict-vars=false`: a variable's local value is not its type.
 */
const FLAGS = ["--include-runtime=false", "--strict-vars=false"];
const PROCESSOR = "workers/processor/wrangler.toml";
const check = process.argv.includes("--check") ? ["--check"] : [];

const commands = [
  ["types", ...FLAGS],
  [
    "types",
    "workers/processor/worker-configuration.d.ts",
    ...FLAGS,
    "--env-interface=ProcessorEnv",
    ...["-c", PROCESSOR, "-c", "wrangler.toml"],
  ],
];
for (const command of commands) {
  const { status } = spawnSync("wrangler", [...command, ...check], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
