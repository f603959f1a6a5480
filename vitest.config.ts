import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { lane } from "./test/lane.ts";
import { MASTER_KEY } from "./test/rigs/master-key.ts";

/** What the Workers import from packages. */
const DEPENDENCIES = [
  "croner",
  "drizzle-orm",
  "drizzle-orm/d1",
  "drizzle-orm/sqlite-core",
  "hono",
  "standardwebhooks",
  "zod",
];

/**
 * Five projects: rules in Node, a shard beside a model of it, Workers in workerd, protocols in a simulation, and the
 * README's own commands.
 * Tests in Node run under the project's Node 24 (`npm test` sees to it), because they import TypeScript as it is.
 */
export default defineConfig({
  test: {
    // Tests on the real runtime wait for half of their time: with two at once, two cores would be half idle.
    maxWorkers: Math.max(3, availableParallelism()),
    // The platform's own log lines, of faults that tests make on purpose, would bury the results.
    onConsoleLog: (line) => process.env.DURE_TEST_LOGS !== undefined || !line.trimStart().startsWith("{"),
    projects: [
      // Files share a process and its modules: to load them anew for each file was a third of the time.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000, isolate: false } },
      { test: { name: "model", include: ["test/model/**/*.test.ts"], testTimeout: 180_000 } },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 120_000 } },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // The gateway under Cloudflare's limits, which workerd by itself does not know.
            main: "./test/limits/gateway.ts",
            miniflare: {
              // A copy of the database, which tests let lag behind (test/workers/replicated-d1.ts).
              d1Databases: { REPLICA: "replica" },
              bindings: {
                // Few, so that the tests are fast; test/workers/placement.test.ts has as many as a deployment.
                SHARDS: "4",
                DURE_ROOT_KEY: "dure_root_of-the-tests-0123456789abcdefghijkl",
                DURE_MASTER_KEY: MASTER_KEY,
                ALLOW_PRIVATE_TARGETS: "true",
                MIGRATIONS: await readD1Migrations("migrations"),
                FUZZ_REQUESTS: lane.histories.fuzz,
                JSON_TEXTS: lane.histories.texts,
              },
            },
          }),
        ],
        test: {
          name: "workers",
          include: ["test/workers/**/*.test.ts"],
          // A runtime for each file. One for all (`isolate: false`, with `reset()` between files) would take half the CPU time,
          // but objects that still write, and messages that still wait in Queues, reach the next file.
          isolate: true,
          // The dependencies as one module each: each file's runtime loads its modules one by one, and theirs are half of them.
          deps: { optimizer: { ssr: { enabled: true, include: DEPENDENCIES } } },
          setupFiles: ["./test/workers/setup.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 60_000,
          // Each starts a platform of its own on a free port, and mostly waits for it.
          maxWorkers: 2,
          // Pages of the guides that run at once.
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
