import * as z from "zod";
import { DEFAULT_NAMESPACE_LIMITS } from "../domain/namespace.ts";
import { ACCEPTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { formatNumber, says } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** Namespaces: what each may have, and how its deletion goes. */

const {
  bytes,
  unfinishedJobs,
  schedules,
  queues,
  keys,
  subscriptions,
  services,
  firesPerSecond,
  spawnDepth,
  rateLimit,
} = DEFAULT_NAMESPACE_LIMITS;

function count(most: number) {
  return z
    .int(says(`is a whole number from 0 to ${formatNumber(most)}`))
    .min(0)
    .max(most);
}

/** Beyond what any deployment holds, and small enough for every reader of JSON. */
const MOST = 2 ** 50;
const MOST_ROWS = 1_000_000;
const MOST_SUBSCRIPTIONS = 1_000;
/** Each that is in use checks its instances. */
const MOST_SERVICES = 10_000;
const MOST_DEPTH = 1_000;
const MOST_UNITS = 10_000_000;

const SHARED = "Each shard has its share of it, by the slots that it owns";

const BYTES = `Bytes that its jobs may take in shards, finished ones that are still there among them. ${SHARED}. Null: no limit.`;
const JOBS = `Jobs that are scheduled, queued or running. ${SHARED}, but at least one job. Null: no limit.`;
const SCHEDULES = "Schedules that it may have.";
const QUEUES = "Queues that it may have, `default` among them where it was written.";
const KEYS = "API keys that it may have, without revoked and expired ones.";
const SUBSCRIPTIONS = "Subscriptions that it may have.";
const SERVICES = "Services that it may have.";
const FIRES = `Fires of its schedules in a second: more wait. ${SHARED}, but at least one. Null: no limit.`;
const DEPTH = "How many successes deep jobs may bring jobs: 0 forbids it, 1 allows it to submitted jobs alone.";

const RATE =
  "Units of requests that all its keys may spend together in 10 s: a request takes one, a list up to ten. Requests beyond it are refused (429). The root key's are not counted. Null: no limit.";

/** A thousand requests a millisecond; at least one unit, as a namespace without any could not be used at all. */
const RATE_UNITS = z
  .int(says(`is a whole number from 1 to ${formatNumber(MOST_UNITS)}`))
  .min(1)
  .max(MOST_UNITS);

function leftOut(text: string, value: number): string {
  return `${text} Left out: ${formatNumber(value)}.`;
}

const LimitsBody = described(
  z.strictObject({
    bytes: field(count(MOST).nullable().optional(), leftOut(BYTES, bytes), bytes),
    unfinishedJobs: field(count(MOST).nullable().optional(), leftOut(JOBS, unfinishedJobs), unfinishedJobs),
    schedules: field(count(MOST_ROWS).optional(), leftOut(SCHEDULES, schedules), schedules),
    queues: field(count(MOST_ROWS).optional(), leftOut(QUEUES, queues), queues),
    keys: field(count(MOST_ROWS).optional(), leftOut(KEYS, keys), keys),
    subscriptions: field(count(MOST_SUBSCRIPTIONS).optional(), leftOut(SUBSCRIPTIONS, subscriptions), subscriptions),
    services: field(count(MOST_SERVICES).optional(), leftOut(SERVICES, services), services),
    firesPerSecond: field(count(MOST_ROWS).nullable().optional(), leftOut(FIRES, firesPerSecond), firesPerSecond),
    spawnDepth: field(count(MOST_DEPTH).optional(), leftOut(DEPTH, spawnDepth), spawnDepth),
    rateLimit: field(RATE_UNITS.nullable().optional(), leftOut(RATE, rateLimit), rateLimit),
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
        bytes: field(count(MOST).nullable(), BYTES, bytes),
        unfinishedJobs: field(count(MOST).nullable(), JOBS, unfinishedJobs),
        schedules: field(count(MOST_ROWS), SCHEDULES, schedules),
        queues: field(count(MOST_ROWS), QUEUES, queues),
        keys: field(count(MOST_ROWS), KEYS, keys),
        subscriptions: field(count(MOST_SUBSCRIPTIONS), SUBSCRIPTIONS, subscriptions),
        services: field(count(MOST_SERVICES), SERVICES, services),
        firesPerSecond: field(count(MOST_ROWS).nullable(), FIRES, firesPerSecond),
        spawnDepth: field(count(MOST_DEPTH), DEPTH, spawnDepth),
        rateLimit: field(RATE_UNITS.nullable(), RATE, rateLimit),
      }),
      "What the namespace may have.",
    ),
    deletion: field(DeletionView.nullable(), "How far its deletion is. Null: it is not being deleted.", null),
    version: field(
      z.int(),
      "Counts the changes of the namespace: of two copies the one with the higher number is newer.",
      1,
    ),
    createdAt: field(Timestamp, "When it was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When it was last changed.", ACCEPTED_AT),
  }),
  "A namespace: its queues, keys and jobs are seen by nobody else.",
);
export type NamespaceView = z.infer<typeof NamespaceView>;

export const NamespaceListView = pageOf(NamespaceView, "Namespaces, the newest first");
export type NamespaceListView = z.infer<typeof NamespaceListView>;
