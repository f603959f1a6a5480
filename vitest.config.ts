import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { lane } from "./test/lane.ts";
import LongestFirst from "./test/longest-first.ts";
import { MASTER_KEY } from "./test/rigs/master-key.ts";
import { PACKING_OF_RUN } from "./test/rigs/packing.ts";
import type { WorkersLane } from "./test/workers/lane.ts";
import { type Frame, toSource, workersBundle } from "./test/workers-bundle.ts";

/**
 * Files of `test/workers` whose tests mind nothing that others leave behind: their names are their own, and they count nothing of the
 * whole platform. They share runtimes, because to start one takes longer than most of them. Whatever stops the clock, kills objects,
 * goes on writing after its end or looks at everything is not one of them, and has a runtime for each file.
 */
const SHARING = [
  "api-backpressure",
  "api-batch-key",
  "api-consumer",
  "api-dead-letters",
  "api-errors",
  "api-job-changes",
  "api-jobs",
  "api-keys-parked",
  "api-leases",
  "api-namespaces",
  "api-operations",
  "api-pull",
  "api-queues",
  "api-schedules",
  "api-sentences",
  "api-spawn",
  "api-versions",
  "available-queues",
  "available-reads",
  "binding-identity",
  "binding-parity",
  "clock-changes",
  "group-commit",
  "joined-submits",
  "keys",
  "lease-logs",
  "p1-durable-acceptance",
  "p5-idempotency",
  "placed-once",
];

/** Whoever names files finds them all in the project `workers`, each in a runtime of its own. */
const namesFiles = process.argv.some((argument) => argument.includes("workers/") || SHARING.includes(argument));
const sharing = namesFiles ? [] : SHARING.map((name) => `test/workers/${name}.test.ts`);

const MIGRATIONS = await readD1Migrations("migrations");

/** A project of tests on the real runtime, workerd. */
function onWorkerd(of: { name: string; include: string[]; exclude?: string[]; isolate?: boolean }) {
  return {
    plugins: [
      workersBundle(),
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml" },
        // The gateway under Cloudflare's limits, which workerd by itself does not know.
        main: "./test/limits/gateway.ts",
        miniflare: {
          // A copy of the database, which tests let lag behind (test/workers/replicated-d1.ts).
          // More of them, in which tests let history lie (test/workers/spread.ts).
          d1Databases: { REPLICA: "replica", SECOND: "second", THIRD: "third" },
          bindings: {
            // Few, so that the tests are fast: a deployment has 16.
            SHARDS: "4",
            DURE_ROOT_KEY: "dure_root_of-the-tests-0123456789abcdefghijkl",
            DURE_MASTER_KEY: MASTER_KEY,
            ALLOW_PRIVATE_TARGETS: "true",
            PACKS: PACKING_OF_RUN,
            MIGRATIONS,
            LANE: { name: lane.name, rotation: lane.rotation, histories: lane.histories } satisfies WorkersLane,
          },
        },
      }),
    ],
    test: {
      isolate: true,
      ...of,
      setupFiles: ["./test/workers/setup.ts"],
      // Several times what the slowest takes on a machine that does other things too.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      onStackTrace: (_: unknown, frame: Frame) => toSource(frame),
    },
  };
}

/**
 * Projects: rules in Node, a shard beside a model of it, Workers in workerd (two), protocols in a simulation, and the
 * README's own commands.
 * Tests in Node run under the project's Node 24 (`npm test` sees to it), because they import TypeScript as it is.
 */
export default defineConfig({
  test: {
    // Tests on the real runtime wait for most of their time, those in Node never: with two at once, two cores would be half idle.
    maxWorkers: Math.max(4, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    // The platform's own log lines, of faults that tests make on purpose, would bury the results.
    onConsoleLog: (line) => process.env.DURE_TEST_LOGS !== undefined || !line.trimStart().startsWith("{"),
    projects: [
      // Files share a process and its modules: to load them anew for each file was a third of the time.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000, isolate: false } },
      { test: { name: "model", include: ["test/model/**/*.test.ts"], testTimeout: 180_000 } },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 120_000 } },
      onWorkerd({ name: "workers", include: ["test/workers/**/*.test.ts"], exclude: sharing }),
      // Without isolation files that run one after the other share a runtime and its modules.
      ...(sharing.length === 0 ? [] : [onWorkerd({ name: "workers-shared", include: sharing, isolate: false })]),
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 180_000,
          // Each starts a platform of its own on a free port, and mostly waits for it.
          maxWorkers: 3,
          // Pages of the guides that run at once: each waits for half of its time, for delays, limits and retries that it shows.
          maxConcurrency: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
