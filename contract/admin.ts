import * as z from "zod";
import { LANES } from "../domain/queue.ts";
import { ACCEPTED_AT, HOUR, LATER } from "./examples.ts";
import { described, field } from "./field.ts";
import { MAX_KEY_NAME_CHARACTERS } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { query, says } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** Keys, namespaces, secrets, and what operators read. */

/** `admin` implies the others, apart from `metrics`, which tells of all namespaces. */
export const SCOPES = ["submit", "read", "work", "invoke", "admin", "metrics"] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

const SCOPES_TEXT =
  "What the key may do: `submit` and cancel jobs; `read` jobs, queues and what else there is; `work`, to claim and report; `invoke`, to send requests to services; `admin`, which implies these and may change queues, keys and all else; `metrics`, to read the counters of the whole deployment.";

/** What people call a key: any text that fits on a line. Long texts are cut before they are counted. */
const KeyName = z
  .string(says("is a text of 1 to 64 characters without control characters and lone surrogates"))
  .refine(isKeyName)
  .meta({ minLength: 1, maxLength: MAX_KEY_NAME_CHARACTERS });

function isKeyName(text: string): boolean {
  if (text.length > 2 * MAX_KEY_NAME_CHARACTERS || !text.isWellFormed() || /\p{Cc}/u.test(text)) return false;
  const characters = [...text].length;
  return characters >= 1 && characters <= MAX_KEY_NAME_CHARACTERS;
}

/** `namespace` is for the root key only, and so is the scope `metrics`. */
export const KeyBody = described(
  z.strictObject({
    name: field(KeyName, "What people call the key. It need not be unique.", "CI of the shop", "ci"),
    scopes: field(
      z
        .array(Scope)
        .min(1)
        .max(SCOPES.length)
        .refine((scopes) => new Set(scopes).size === scopes.length, says("names no scope twice")),
      `${SCOPES_TEXT} Each once. A key can give no scope that it does not have; \`metrics\` the root key alone can give.`,
      ["submit", "read"],
    ),
    namespace: field(
      Name.optional(),
      "The namespace that the key is for, which only the root key may name. Left out: that of the key that makes it.",
      "acme",
    ),
    expiresAt: field(
      Timestamp.optional(),
      "When the key stops working: not after the key that makes it does. Left out: when that one does, or never.",
      LATER,
    ),
  }),
  "An API key to be made.",
  { name: "CI of the shop", scopes: ["submit", "read"] },
);
export type KeyBody = z.infer<typeof KeyBody>;

export const KeyView = described(
  z.strictObject({
    id: field(z.string(), "The id of the key, which is also the middle part of its text.", "01m81y5hxdfwy87v7akx"),
    name: field(z.string(), "What people call the key.", "CI of the shop"),
    scopes: field(z.array(Scope), SCOPES_TEXT, ["submit", "read"]),
    namespace: field(Name, "The namespace that the key is for.", "default"),
    createdAt: field(Timestamp, "When the key was made.", ACCEPTED_AT),
    expiresAt: field(Timestamp.nullable(), "When the key stops working. Null: never.", null, LATER),
    parent: field(
      z.string().nullable(),
      "The id of the key that made it, with which it is revoked. Null: the root key made it, or a version of Dure that did not note it.",
      null,
      "01m81y5hxdfwy87v7akx",
    ),
    lastUsedAt: field(
      Timestamp.nullable(),
      "The hour in which the key was last used, by its beginning. Null: it was not, or not since Dure notes it.",
      null,
      HOUR,
    ),
  }),
  "An API key, without its text.",
);
export type KeyView = z.infer<typeof KeyView>;

export const KeyListView = pageOf(KeyView, "API keys that are not revoked, the newest first");
export type KeyListView = z.infer<typeof KeyListView>;

/** `key` is the whole token. It is shown this once and stored nowhere. */
export const KeyCreatedView = described(
  KeyView.extend({
    key: field(
      z.string(),
      "The whole text of the key, as it goes behind `Authorization: Bearer`. It is shown this once and stored nowhere.",
      "dure_01m81y5hxdfwy87v7akx_4mD0vTq3nYbW8sKeXrLc2HuJpZaF7gNiQo1Rt5UyBx90fG-5d0c3a7e91f24b68c07d3e15",
    ),
  }),
  "An API key as it was made, with its text.",
);
export type KeyCreatedView = z.infer<typeof KeyCreatedView>;

const ExecutorView = described(
  z.strictObject({
    lane: field(z.enum(LANES), "The lane.", "default"),
    executor: field(
      z.enum(["processor", "consumer"]),
      "Whose jobs these are: those of handlers and HTTP targets are the `processor`'s; those of consumer queues the `consumer`'s, a Worker of the user's own.",
      "processor",
    ),
    version: field(
      z.string().nullable(),
      "The release of the processor that came last. Null: it did not say, or nobody came, or it is a consumer.",
      "0.1.0",
    ),
    visitedAt: field(
      Timestamp.nullable(),
      "When an executor came last. After a restart of the shard it may be up to an hour older than it was. Null: nobody is known to have come.",
      ACCEPTED_AT,
    ),
    waitingSince: field(
      Timestamp.nullable(),
      "Since when work has waited and nobody has come for it. Null: nothing waits.",
      null,
      ACCEPTED_AT,
    ),
  }),
  "Who comes for the jobs of one lane of a shard.",
);

const ShardView = described(
  z.strictObject({
    id: field(z.string(), "The id of the shard.", "s0"),
    slots: field(
      z.array(z.tuple([z.int(), z.int()])),
      "The slots that it owns, as ranges of a first and a last one, both included.",
      [[0, 1023]],
    ),
    live: field(z.int(), "Jobs of all namespaces that it holds and that are not final.", 12),
    bytes: field(z.int(), "The size of its database in bytes.", 524_288),
    executors: field(
      z.array(ExecutorView),
      "Who comes for its jobs: one entry for each lane and kind of executor that somebody came for, or in which work waits.",
      [{ lane: "default", executor: "processor", version: "0.1.0", visitedAt: ACCEPTED_AT, waitingSince: null }],
    ),
  }),
  "One shard, and what it holds.",
);

export const ClusterView = described(
  z.strictObject({
    epoch: field(z.int(), "The number of the slot map; a higher one replaces a lower one.", 1),
    slots: field(z.int(), "How many slots there are.", 4096),
    configuredShards: field(
      z.int(),
      "What the variable `SHARDS` says. It is read once, when the slot map is made: later the map has as many shards as it has.",
      16,
    ),
    warning: field(
      z.string().nullable(),
      "What an operator should know, as a sentence: that `SHARDS` is not what the slot map has. Null: nothing.",
      null,
      "SHARDS says 16 and the slot map has 4 shards: the variable is read once, when the map is made, and changes nothing afterwards.",
    ),
    shards: field(z.array(ShardView), "The shards, each with its slots.", [
      { id: "s0", slots: [[0, 4095]], live: 12, bytes: 524_288, executors: [] },
    ]),
  }),
  "The slot map, and what each shard holds.",
);
export type ClusterView = z.infer<typeof ClusterView>;

const Violation = described(
  z.strictObject({
    shard: field(z.string(), "The id of the shard; empty where it concerns them together.", "s0"),
    rule: field(z.string(), "The rule that is broken.", "running-has-lease"),
    detail: field(z.string(), "What breaks it, for people.", "1 slots, the first 2000"),
  }),
  "One broken rule.",
);

const AuditPass = described(
  z.strictObject({
    shard: field(z.string(), "The id of the shard.", "s0"),
    startedAt: field(Timestamp.nullable(), "When the pass began. Null: the shard has had none yet.", ACCEPTED_AT),
    finishedAt: field(Timestamp.nullable(), "When it ended. Null: the shard has had none yet.", ACCEPTED_AT),
    rows: field(z.int(), "How many rows it looked at, each as often as it did.", 340),
  }),
  "A full pass of the audit over one shard.",
);

const RunningAuditPass = described(
  z.strictObject({
    shard: field(z.string(), "The id of the shard.", "s0"),
    startedAt: field(Timestamp, "When the pass began.", ACCEPTED_AT),
    rows: field(z.int(), "How many rows it has looked at so far.", 12_500),
    violations: field(z.int(), "How many broken rules it has found so far.", 0),
  }),
  "A pass of the audit that is under way on one shard.",
);

/** `?fresh=true`: wait for a pass that begins now. */
export const AuditQuery = query({
  fresh: field(
    z
      .enum(["true", "false"], says("is `true` or `false`"))
      .default("false")
      .transform((text) => text === "true"),
    "Whether to wait, up to a minute, for a pass over every shard that begins after this call. Left out: the answer is what is known.",
    "true",
  ),
});

export const AuditView = described(
  z.strictObject({
    ok: field(z.boolean(), "Whether no rule is broken.", true),
    checkedAt: field(Timestamp, "When the shards were asked.", ACCEPTED_AT),
    shards: field(z.int(), "How many shards were asked.", 4),
    violations: field(
      z.array(Violation),
      "The rules that are broken: rows that contradict each other, jobs that nothing would run.",
      [],
    ),
    passes: field(
      z.array(AuditPass),
      "The last full pass over each shard, by which the answer is. A small shard is looked at whole in this call.",
      [{ shard: "s0", startedAt: ACCEPTED_AT, finishedAt: ACCEPTED_AT, rows: 340 }],
    ),
    running: field(z.array(RunningAuditPass), "The passes that are under way, with what they have found so far.", []),
  }),
  "Whether the shards' rows agree, and nothing waits that nothing would ever run.",
);
export type AuditView = z.infer<typeof AuditView>;

/** Standard Webhooks secrets ("whsec_…"). */
export const WebhookSecretView = described(
  z.strictObject({
    current: field(
      z.string(),
      "The secret that signs what HTTP targets and subscribers get, as Standard Webhooks has it.",
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ),
    previous: field(
      z.string().nullable(),
      "The secret before the last rotation, which signs beside the current one for 24 hours. Null when none does.",
      null,
    ),
    signing: field(
      z.array(z.string()),
      "All secrets that sign now, the current one first: each signs for 24 hours after the one that came after it was made.",
      ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ),
  }),
  "The secrets of the namespace that sign webhooks.",
);
export type WebhookSecretView = z.infer<typeof WebhookSecretView>;

const Check = described(
  z.strictObject({
    ok: field(z.boolean(), "Whether it answered within 2 seconds.", true),
    latencyMs: field(z.number(), "How many milliseconds that took.", 3),
  }),
  "Whether one thing that Dure needs answers.",
);

const CHECKS = {
  d1: field(Check, "The database with history and configuration."),
  kv: field(Check, "The key-value store that caches use."),
  queues: field(Check, "The Queues that carry doorbells."),
  shards: field(Check, "Three shards, or all where there are fewer."),
  directory: field(Check, "The directory, which holds the slot map."),
  cron: field(
    described(
      Check.extend({
        ageSeconds: field(
          z.int().nullable(),
          "How many seconds ago the last round ended. Null: there was none yet, which is well on a new deployment.",
          42,
        ),
      }),
      "Whether the round that mends what was lost comes every minute.",
    ),
    "Not `ok` when its last round ended more than 5 minutes ago.",
  ),
  processor: field(
    described(
      Check.extend({
        waitingSeconds: field(
          z.int().nullable(),
          "How many seconds pushed work has waited and no processor has come for it, on the shards that were asked. Null: none waits.",
          null,
          2,
        ),
      }),
      "Whether the processor comes for the work that waits for it.",
    ),
    "Not `ok` when jobs for handlers or HTTP targets could run and no processor has come for them for more than 60 seconds. Without such jobs it is `ok`.",
  ),
  history: field(
    described(
      Check.extend({
        usedPercent: field(
          z.int().nullable(),
          "How much of what it can hold the fullest database of history has, in percent. Null when one did not say.",
          12,
        ),
        refusedSeconds: field(
          z.int().nullable(),
          "For how many seconds history has had no room for what finished, on the shards that were asked. Null: it takes what there is.",
          null,
          90,
        ),
      }),
      "Whether history has room for finished jobs.",
    ),
    "Not `ok` from 80 percent on, and while a full database refuses finished jobs. These stay in their shards meanwhile, and jobs are accepted as long as those have room.",
  ),
};

export const ReadyView = described(
  z.strictObject({
    status: field(
      z.enum(["ok", "degraded", "down"]),
      "`ok`: everything answers; `degraded`: the shards and the directory do, and something else does not, the cron stands still, the processor does not come, or history has little room left; `down`: they do not.",
      "ok",
    ),
    checks: described(z.strictObject(CHECKS), "Each thing that Dure needs, by its name."),
  }),
  "Whether Dure can work.",
);
export type ReadyView = z.infer<typeof ReadyView>;
