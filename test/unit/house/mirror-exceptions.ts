/** Tests that mirror no source file, with the one reason that is theirs. Paths are below `test/unit/`. */
export interface MirrorExceptions {
  reason: string;
  tests: readonly string[];
}

/** This list only shrinks: a test that is gone, or has its source file by now, is a violation here. */
export const MIRROR_EXCEPTIONS: readonly MirrorExceptions[] = [
  {
    reason: "What holds of a shard as a whole, or of a whole topic of it, whichever of its files does it.",
    tests: [
      "durable-objects/shard/cost.test.ts",
      "durable-objects/shard/histories.test.ts",
      "durable-objects/shard/planted.test.ts",
      "durable-objects/shard/rpc-size.test.ts",
      "durable-objects/shard/slots.test.ts",
      "durable-objects/shard/flow/dedup-after.test.ts",
      "durable-objects/shard/flow/dedup-model.test.ts",
      "durable-objects/shard/lifecycle/admission-ceilings.test.ts",
      "durable-objects/shard/flow/explain-truth.test.ts",
      "durable-objects/shard/flow/fair-share.test.ts",
      "durable-objects/shard/flow/parked-histories.test.ts",
      "durable-objects/shard/flow/rate.test.ts",
      "durable-objects/shard/jobs/log-position.test.ts",
      "durable-objects/shard/jobs/packs/crashes.test.ts",
      "durable-objects/shard/jobs/packs/twins.test.ts",
      "durable-objects/shard/outbox/outbox.test.ts",
      "durable-objects/shard/subscriptions/histories.test.ts",
    ],
  },
  {
    reason:
      "What holds of all that goes over a text, whichever of its files does it; its count begins before any of them has run.",
    tests: ["domain/json/linear.test.ts"],
  },
  {
    reason: "The processor's tests are divided by what its work loop and its deliveries do, and not by file yet.",
    tests: [
      "workers/processor/batch.test.ts",
      "workers/processor/cancelled-http.test.ts",
      "workers/processor/event-delivery.test.ts",
      "workers/processor/event-delivery-histories.test.ts",
      "workers/processor/handlers.test.ts",
      "workers/processor/http-executor.test.ts",
      "workers/processor/projection-marks.test.ts",
      "workers/processor/spawn-doors.test.ts",
      "workers/processor/work-moved.test.ts",
      "workers/processor/work-progress.test.ts",
      "workers/processor/work-wait.test.ts",
    ],
  },
  {
    reason: "The source file lies a folder deeper, in `domain/job/`.",
    tests: ["domain/transition.test.ts"],
  },
  {
    reason: "It tests the package as it is built: `client/package.json` and `client/dist/`.",
    tests: ["client/package.test.ts"],
  },
];
