import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RULES } from "../../consistency/arbitrary.ts";
import { BEFORE, type Call, type JobAnswer, type Model, perform, type Reply } from "../../consistency/machine.ts";
import { Recorder } from "../../consistency/recorder.ts";

const ANN = { session: "ann", level: "session" } as const;
const BOB = { session: "bob", level: "session" } as const;
const STRONG = { level: "strong" } as const;
const QUEUED: JobAnswer = { state: "queued", attempt: 0 };
const RUNNING: JobAnswer = { state: "running", attempt: 1 };
const FAILED: JobAnswer = { state: "failed", attempt: 1 };
const CANCELLED: JobAnswer = { state: "cancelled", attempt: 0 };

/** Calls one after the other; each line says who, what, and what was answered. */
class Story extends Recorder {
  tell(
    who: { session?: string; level: "strong" | "session" },
    call: Call | Call["type"],
    told: JobAnswer | Reply,
  ): this {
    const invokedAt = this.event();
    const reply: Reply = "type" in told ? told : { type: "job", job: told };
    const made = typeof call === "string" ? ({ type: call } as Call) : call;
    this.write("j", { ...who, call: made, invokedAt, returnedAt: this.event(), reply });
    return this;
  }

  list(who: { session?: string; level: "strong" | "session" }, told: JobAnswer | null): this {
    const invokedAt = this.event();
    const jobs = new Map(told === null ? [] : [["j", told]]);
    this.writeList({ ...who, invokedAt, returnedAt: this.event(), jobs });
    return this;
  }

  get sound(): boolean {
    return this.violations(RULES).length === 0;
  }
}

const story = () => new Story();
const fails: Call = { type: "fail", attempt: 1, retryable: false };
/** Submitted, claimed and failed by others, strongly. */
const failed = () => story().tell(STRONG, "submit", QUEUED).tell(STRONG, "claim", RUNNING).tell(STRONG, fails, FAILED);

describe("a session", () => {
  it.each<[string, Story]>([
    ["may read what is old, and then what is new", failed().tell(ANN, "read", QUEUED).tell(ANN, "read", FAILED)],
    ["may read older than another", failed().tell(ANN, "read", FAILED).tell(BOB, "read", RUNNING)],
    ["may not know yet of a job that others have made", failed().tell(ANN, "read", { type: "absent" }).list(ANN, null)],
    ["reads its own write", story().tell(ANN, "submit", QUEUED).tell(ANN, "read", QUEUED).list(ANN, QUEUED)],
    [
      "does not find what was removed",
      story()
        .tell(ANN, "submit", QUEUED)
        .tell(ANN, "cancel", CANCELLED)
        .tell(STRONG, "remove", { type: "done" })
        .tell(ANN, "read", CANCELLED)
        .list(ANN, null),
    ],
    [
      "sees the same state come again",
      story()
        .tell(ANN, "submit", QUEUED)
        .tell(STRONG, "cancel", CANCELLED)
        .tell(STRONG, "retry", QUEUED)
        .tell(ANN, "read", CANCELLED)
        .tell(ANN, "read", QUEUED),
    ],
  ])("%s", (_, told) => {
    expect(told.violations(RULES)).toEqual([]);
  });

  it.each<[string, Story]>([
    ["does not read its own write", story().tell(ANN, "submit", QUEUED).tell(ANN, "read", { type: "absent" })],
    [
      "does not read its own second write",
      story().tell(ANN, "submit", QUEUED).tell(ANN, "cancel", CANCELLED).tell(ANN, "read", QUEUED),
    ],
    ["reads what is new, and then what is old", failed().tell(ANN, "read", FAILED).tell(ANN, "read", RUNNING)],
    [
      "goes back to an earlier attempt",
      failed()
        .tell(STRONG, "retry", { state: "queued", attempt: 1 })
        .tell(STRONG, "claim", { state: "running", attempt: 2 })
        .tell(ANN, "read", { state: "running", attempt: 2 })
        .tell(ANN, "read", FAILED),
    ],
    [
      "goes back where it looks as if the state had come again",
      story()
        .tell(ANN, "submit", QUEUED)
        .tell(ANN, "cancel", CANCELLED)
        .tell(ANN, "retry", QUEUED)
        .tell(ANN, "read", CANCELLED),
    ],
    ["misses in a list what it has submitted", story().tell(ANN, "submit", QUEUED).list(ANN, null)],
    ["misses in a list what it has read", failed().tell(ANN, "read", FAILED).list(ANN, null)],
    ["misses in a list what its last list had", failed().list(ANN, FAILED).list(ANN, null)],
    ["reads older than its last list", failed().list(ANN, FAILED).tell(ANN, "read", RUNNING)],
    [
      "reads older than what it read strongly",
      failed().tell({ session: "ann", level: "strong" }, "read", FAILED).tell(ANN, "read", QUEUED),
    ],
    ["reads what never was", failed().tell(ANN, "read", { state: "succeeded", attempt: 1 })],
    [
      "reads the future",
      story().tell(STRONG, "submit", QUEUED).tell(ANN, "read", RUNNING).tell(STRONG, "claim", RUNNING),
    ],
    [
      "reads a removed job again",
      story()
        .tell(STRONG, "submit", QUEUED)
        .tell(STRONG, "cancel", CANCELLED)
        .tell(ANN, "read", CANCELLED)
        .tell(STRONG, "remove", { type: "done" })
        .tell(ANN, "read", { type: "absent" })
        .tell(ANN, "read", CANCELLED),
    ],
  ])("is caught when it %s", (_, told) => {
    expect(told.violations(RULES).map(({ job }) => job)).toEqual(["j"]);
  });

  it("is caught when a strong reader is told what is old", () => {
    expect(failed().list(STRONG, RUNNING).sound).toBe(false);
    expect(failed().tell(STRONG, "read", QUEUED).sound).toBe(false);
    expect(failed().list(STRONG, FAILED).sound).toBe(true);
  });
});

const CALLS: Call[] = [
  { type: "cancel" },
  { type: "retry" },
  { type: "claim" },
  { type: "fail", attempt: 1, retryable: false },
  { type: "fail", attempt: 2, retryable: false },
  { type: "succeed", attempt: 2 },
];

/** What a job was after each of these calls, by version. */
function states(calls: Call[]): { story: Story; told: JobAnswer[] } {
  const told: JobAnswer[] = [];
  const recorded = story();
  let model: Model = BEFORE;
  for (const call of [{ type: "submit" } as const, ...calls]) {
    const { next, reply } = perform(model, call, RULES);
    recorded.tell(STRONG, call, reply);
    if (next !== model && reply.type === "job") told.push(reply.job);
    model = next;
  }
  return { story: recorded, told };
}

/** Reads of copies that lag by as much as they like, in the order of `places`. */
const lagging = fc.record({
  calls: fc.array(fc.constantFrom(...CALLS), { minLength: 1, maxLength: 8 }),
  places: fc.array(fc.nat({ max: 8 }), { minLength: 2, maxLength: 6 }),
  lists: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
});

describe("a session of copies that lag", () => {
  const read = ({ calls, places, lists }: { calls: Call[]; places: number[]; lists: boolean[] }) => {
    const { story: recorded, told } = states(calls);
    const versions = places.map((place) => Math.min(place, told.length - 1));
    for (const [i, version] of versions.entries()) {
      const seen = told[version] as JobAnswer;
      if (lists[i]) recorded.list(ANN, seen);
      else recorded.tell(ANN, "read", seen);
    }
    return { recorded, goesBack: versions.some((version, i) => version < (versions[i - 1] ?? 0)) };
  };

  it("is sound exactly where no read is older than the one before", () => {
    const seen = { sound: 0, broken: 0 };
    const property = fc.property(lagging, (drawn) => {
      const { recorded, goesBack } = read(drawn);
      seen[goesBack ? "broken" : "sound"] += 1;
      return recorded.sound === !goesBack;
    });
    fc.assert(property, { numRuns: 2_000, seed: 5 });
    expect(Math.min(seen.sound, seen.broken)).toBeGreaterThan(300);
  });
});
