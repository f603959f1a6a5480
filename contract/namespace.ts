import { z } from "zod";
import { DEFAULT_NAMESPACE_LIMITS } from "../domain/namespace.ts";
import { ACCEPTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { formatNumber, says } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** Namespaces: what each may have, and how its deletion goes. */

const { bytes, unfinishedJobs, schedules, queues, keys, subscriptions, firesPerSecond, spawnDepth } =
  DEFAULT_NAMESPACE_LIMITS;

function count(most: number) {
  return z.int(says(`is a whole number from 0 to ${formatNumber(most)}`)).min(0).max(most);
}

/** Beyond what any deployment holds, and small enough for every reader of JSON. */
const MOST = 2 ** 50;
const MOST_ROWS = 1_000_000;
const MOST_SUBSCRIPTIONS = 1_000;
const MOST_DEPTH = 1_000;

const SHARED = "Each shard has its share of it, by the slots that it owns";

/** A limit as it is sent and shown. */
const LIMITS = {
  bytes: [
    count(MOST).nullable(),
    `Bytes that its jobs may take in shards, finished ones that are still there among them. ${SHARED}. Null: no limit.`,
    bytes,
  ],
  unfinishedJobs: [
    count(MOST).nullable(),
    `Jobs that are scheduled, queued or running. ${SHARED}, but at least one job. Null: no limit.`,
    unfinishedJobs,
  ],
  schedules: [count(MOST_ROWS), "Schedules that it may have.", schedules],
  queues: [count(MOST_ROWS), "Queues that it may have, `default` among them where it was written.", queues],
  keys: [count(MOST_ROWS), "API keys that it may have, without revoked and expired ones.", keys],
  subscriptions: [count(MOST_SUBSCRIPTIONS), "Subscriptions that it may have.", subscriptions],
  firesPerSecond: [
    count(MOST_ROWS).nullable(),
    `Fires of its schedules in a second: more wait. ${SHARED}, but at least one. Null: no limit.`,
    firesPerSecond,
  ],
  spawnDepth: [
    count(MOST_DEPTH),
    "How many successes deep jobs may bring jobs: 0 forbids it, 1 allows it to submitted jobs alone.",
    spawnDepth,
  ],
} as const;

function asSent<const Name extends keyof typeof LIMITS>(name: Name) {
  const [schema, text, byDefault] = LIMITS[name];
  return field(
    schema.optional() as z.ZodOptional<(typeof LIMITS)[Name][0]>,
    `${text} Left out: ${formatNumber(byDefault)}.`,
    byDefault,
  );
}

function asShown<const Name extends keyof typeof LIMITS>(name: Name) {
  const [schema, text, byDefault] = LIMITS[name];
  return field(schema as (typeof LIMITS)[Name][0], text, byDefault);
}

const LimitsBody = described(
  z.strictObject({
    bytes: asSent("bytes"),
    unfinishedJobs: asSent("unfinishedJobs"),
    schedules: asSent("schedules"),
    queues: asSent("queues"),
    keys: asSent("keys"),
    subscriptions: asSent("subscriptions"),
    firesPerSecond: asSent("firesPerSecond"),
    spawnDepth: asSent("spawnDepth"),
  }),
  "What the namespace may have. What is left out gets its default.",
);

/** A namespace as sent. */
export const NamespaceBody = described(
  z.strictObject({
    limits: field(
      LimitsBody.optional(),
      "What the namespace may have. Left out: the defaults, or what the namespace has that exists.",
      { unfinishedJobs: 100_000 },
    ),
  }),
  "A namespace. An empty body or `{}` creates one with the defaults, and leaves one that exists as it is.",
  { limits: { unfinishedJobs: 100_000 } },
);
export type NamespaceBody = z.infer<typeof NamespaceBody>;

const DeletionView = described(
  z.strictObject({
    startedAt: field(Timestamp, "When the deletion began.", ACCEPTED_AT),
    jobsDeleted: field(z.int(), "Jobs that were deleted in shards so far.", 1200),
    historyDeleted: field(z.int(), "Finished jobs that were deleted in history so far.", 56_000),
    done: field(z.boolean(), "Whether nothing is left; the name is free two minutes later.", false),
  }),
  "How far the deletion of a namespace is.",
);

export const NamespaceView = described(
  z.strictObject({
    name: field(Name, "The name of the namespace.", "acme"),
    state: field(z.enum(["active", "deleting"]), "Whether it is there, or is being deleted.", "active"),
    limits: described(
      z.strictObject({
        bytes: asShown("bytes"),
        unfinishedJobs: asShown("unfinishedJobs"),
        schedules: asShown("schedules"),
        queues: asShown("queues"),
        keys: asShown("keys"),
        subscriptions: asShown("subscriptions"),
        firesPerSecond: asShown("firesPerSecond"),
        spawnDepth: asShown("spawnDepth"),
      }),
      "What the namespace may have.",
    ),
    deletion: field(DeletionView.nullable(), "How far its deletion is. Null: it is not being deleted.", null),
    version: field(z.int(), "Counts the changes of the namespace: of two copies the one with the higher number is newer.", 1),
    createdAt: field(Timestamp, "When it was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When it was last changed.", ACCEPTED_AT),
  }),
  "A namespace: its queues, keys and jobs are seen by nobody else.",
);
export type NamespaceView = z.infer<typeof NamespaceView>;

export const NamespaceListView = pageOf(NamespaceView, "Namespaces, the newest first");
