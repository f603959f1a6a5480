import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/**
 * Five projects: rules in Node, a shard beside a model of it, Workers in workerd, protocols in a simulation, and the
 * README's own commands.
 * Tests in Node run under the project's Node 24 (`npm test` sees to it), because they import TypeScript as it is.
 */
export default defineConfig({
  test: {
    // Vitest would leave one of two cores idle, and the whole takes twenty minutes then.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // The platform's own log lines, of faults that tests make on purpose, would bury the results.
    onConsoleLog: (line) => process.env.DURE_TEST_LOGS !== undefined || !line.trimStart().startsWith("{"),
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      { test: { name: "model", include: ["test/model/**/*.test.ts"], testTimeout: 180_000 } },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 120_000 } },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              // A copy of the database, which tests let lag behind (test/workers/replicated-d1.ts).
              d1Databases: { REPLICA: "replica" },
              bindings: {
                DURE_ROOT_KEY: "dure_root_test",
                ALLOW_PRIVATE_TARGETS: "true",
                MIGRATIONS: await readD1Migrations("migrations"),
              },
            },
          }),
        ],
        test: {
          name: "workers",
          include: ["test/workers/**/*.test.ts"],
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
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
