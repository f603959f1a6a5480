/**
 * Where a word may stand: the name of a type (class, interface, alias, enum), of a function (also a method, an
 * accessor, a variable or property that is given a function), of a value (variable, parameter, property, member of
 * an enum), of a file (without folder and ending), or in a comment.
 */
export type Place = "type" | "function" | "value" | "file" | "comment";

export interface RetiredWord {
  /** Matched against a whole name, or against the text of a comment. */
  word: RegExp;
  in: readonly Place[];
  /** What to say, as the end of the sentence "say …". */
  say: string;
  /** Folders to look in. Left out: everything that is shipped (`SHIPPED`), without tests and benchmarks. */
  within?: readonly string[];
}

export const SHIPPED = [
  "contract/",
  "domain/",
  "durable-objects/",
  "workers/",
  "client/",
  "scripts/",
  "examples/",
] as const;
const EVERYWHERE = [""] as const;

const NAMES = ["type", "function", "value"] as const;

/** A name of which `word`, in any of the usual spellings, is one part: `held`, `heldJobs`, `HeldRow`, `NOTHING_HELD`. */
function part(word: string): RegExp {
  const first = word.charAt(0).toUpperCase() + word.slice(1);
  return new RegExp(`^${word}(?![a-z])|${first}(?![a-z])|(?:^|_)${word.toUpperCase()}(?:_|$)`);
}

/** A file of one of these names, alone or after a prefix that says of what: `told`, `shard-told`. */
function file(...names: string[]): RegExp {
  return new RegExp(`^(?:[a-z-]+-)?(?:${names.join("|")})(?:\\.test)?$`);
}

/**
 * The words that Dure no longer uses. Names of types and of files are retired in tests too; names of functions and
 * values only in what is shipped, where the word is ordinary English. A comment that puts a retired name in
 * backquotes is found by the name's own row.
 */
export const RETIRED_WORDS: readonly RetiredWord[] = [
  // Steps and fairness.
  { word: /^Turns?$/, in: ["type"], say: "Step for a step, FairShare for fairness", within: EVERYWHERE },
  { word: /^turn$/, in: ["value"], say: "step", within: ["durable-objects/"] },
  { word: /^turns$/, in: ["value"], say: "fairShare", within: ["durable-objects/", "domain/"] },
  { word: /^turns?$/, in: ["file"], say: "step.ts, or fair-share.ts", within: EVERYWHERE },

  // Positions in the log of finished jobs.
  { word: /^Told$|^LogEnd$/, in: ["type"], say: "LogPosition", within: EVERYWHERE },
  { word: /^logEnd$/, in: NAMES, say: "logPosition" },
  { word: /^dated$/, in: ["function"], say: "that the reply carries its LogPosition" },
  { word: /^TELLING$/, in: NAMES, say: "what the set holds" },
  { word: file("told", "dated"), in: ["file"], say: "log-position.ts", within: EVERYWHERE },

  // Progress.
  { word: /^Said$/, in: ["type"], say: "ProgressPatch", within: EVERYWHERE },
  { word: /^wellSaid$/, in: NAMES, say: "normalizeProgress", within: EVERYWHERE },
  { word: /^alsoSaid$/, in: NAMES, say: "mergeProgress", within: EVERYWHERE },
  { word: file("said"), in: ["file"], say: "progress-patch.ts", within: EVERYWHERE },

  // What a session has read.
  { word: /^Seen$/, in: ["type"], say: "VersionVector" },
  { word: /^distrust$/, in: NAMES, say: "invalidate", within: EVERYWHERE },
  { word: /\bdistrust\w*\b/i, in: ["comment"], say: "invalidate" },
  { word: file("seen"), in: ["file"], say: "version-vector.ts", within: [...SHIPPED, "test/unit/"] },

  // "Held" had ten meanings.
  {
    word: part("held"),
    in: NAMES,
    say: "which of them is meant: countsTowardLimit, frozenUntil, existingIds, leasedBy, keyOwner, prepared",
  },
  { word: /^Held$/, in: ["type"], say: "what is held, and by whom", within: EVERYWHERE },
  { word: /^held(?:-[a-z]+)*$/, in: ["file"], say: "what is held, and by whom" },

  // Blocked, unblocked, parked.
  { word: /^lift(?![a-z])/, in: NAMES, say: "unblock" },
  { word: /^stand$/, in: NAMES, say: "block" },
  { word: /^shut$/, in: NAMES, say: "parked, or closed of a gate" },
  { word: /\b(?:stands?|stood|standing) still\b/i, in: ["comment"], say: "is parked" },

  // "Settle" had nine meanings. What JavaScript calls settled (`Promise.allSettled`) stays.
  {
    word: /^(?:re|un)?settle(?![a-z])/,
    in: NAMES,
    say: "which of them is meant: promoteNext, rebalanceGate, rearm, applyReport, ackOrRetry",
  },
  {
    word: /\bsettl(?:es?|ing)\b.{0,12}\b(?:gates?|lines?|alarm)\b|\b(?:gates?|lines?|alarm)\b.{0,25}\bsettled\b/i,
    in: ["comment"],
    say: "rebalanced of a gate, promoted of a line, armed of an alarm",
    within: ["contract/", "domain/", "durable-objects/", "workers/", "test/model/", "test/unit/"],
  },

  // What the clock does.
  { word: /^act$/, in: ["function"], say: "applyDeadline" },
  { word: /^advance$/, in: ["function"], say: "runDueWork" },
  { word: /^followClock$/, in: NAMES, say: "clampToClock", within: EVERYWHERE },

  // Deduplication.
  { word: /^meet$/, in: ["function"], say: "resolveDuplicate" },
  { word: /^layOver$/, in: NAMES, say: "replacePending", within: EVERYWHERE },
  { word: /^laid(?:By|Over)?$/, in: NAMES, say: "replacedByCall" },

  // Ends that are not the usual ones.
  { word: part("unrun"), in: NAMES, say: "rejectedAtCommit", within: EVERYWHERE },
  { word: /\bunrun\b/i, in: ["comment"], say: "rejected at commit", within: EVERYWHERE },
  { word: file("unrun"), in: ["file"], say: "rejected-at-commit.ts", within: EVERYWHERE },
  { word: part("fortune"), in: NAMES, say: "DeliveryHealth", within: EVERYWHERE },
  { word: /\bfortunes?\b/i, in: ["comment"], say: "health of the delivery", within: EVERYWHERE },
  { word: part("bury"), in: NAMES, say: "storeDeadLetter", within: EVERYWHERE },
  { word: /\b(?:bury|buries|buried|burying)\b/i, in: ["comment"], say: "store as a dead letter" },
  { word: /^dead$/, in: ["file"], say: "failed-jobs.ts", within: EVERYWHERE },

  // The gateway.
  { word: part("vouched"), in: NAMES, say: "what was checked, and by whom", within: EVERYWHERE },
  { word: /\bvouch(?:ed|es|ing)?\b/i, in: ["comment"], say: "what was checked, and by whom" },
  { word: file("vouched"), in: ["file"], say: "what was checked, and by whom", within: EVERYWHERE },
  { word: /^elsewhere$/, in: [...NAMES, "file"], say: "idsUnderEarlierPartitioning" },
  { word: /^known$/, in: ["function", "file"], say: "committedJobs" },
  { word: /^place$/, in: ["function", "file"], say: "assignSlots" },
  { word: /^fromHistory$/, in: ["function"], say: "orUnavailable", within: EVERYWHERE },
  { word: /^Again$/, in: ["type"], say: "RetryD1", within: EVERYWHERE },
  {
    word: /^again$/,
    in: NAMES,
    say: "idempotent of a call that may be repeated, retryD1 of a read of D1",
    within: ["workers/", "client/", "contract/"],
  },
  { word: part("chance"), in: [...NAMES, "file"], say: "randomness" },

  // Executors.
  { word: /^Hand$/, in: ["type"], say: "InFlight in the client, JobRunner in the processor", within: EVERYWHERE },
  { word: /^hand$/, in: [...NAMES, "file"], say: "inFlight in the client, jobRunner in the processor" },

  // Jobs that follow from jobs.
  { word: part("courier"), in: NAMES, say: "the outbox's schedule", within: EVERYWHERE },
  { word: part("carrier"), in: NAMES, say: "the outbox's sender", within: EVERYWHERE },
  { word: part("parcel"), in: NAMES, say: "OutboxRow", within: EVERYWHERE },
  { word: /\b(?:couriers?|carriers?|parcels?)\b/i, in: ["comment"], say: "outbox: its schedule, sender or rows" },
  {
    word: file("courier", "carrier", "parcel"),
    in: ["file"],
    say: "outbox/schedule.ts, sender.ts",
    within: EVERYWHERE,
  },
  { word: /^arrive$/, in: ["function", "file"], say: "receive" },

  // Who waits for work.
  { word: /^waiting$/, in: ["file"], say: "demand.ts" },
  { word: /^waiters?$/, in: ["file"], say: "long-poll.ts" },
  { word: /^consumerCame$/, in: NAMES, say: "noteClaimVisit", within: EVERYWHERE },
  { word: file("consumer-came"), in: ["file"], say: "claim-visit.ts", within: EVERYWHERE },

  // Types named for nothing.
  { word: /^(?:Ask|Want|Making|Met)$/, in: ["type"], say: "what it is, or pass parameters", within: EVERYWHERE },
  { word: /^World$/, in: ["type"], say: "what it is, or pass parameters" },
];
