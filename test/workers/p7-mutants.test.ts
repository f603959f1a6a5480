import { afterEach, describe, expect, it, vi } from "vitest";
import { isProblem } from "../../contract/problems.ts";
import { Signer } from "../../workers/gateway/access/signing.ts";
import { toEdge } from "../../workers/gateway/edge-cache.ts";
import { ShardClient } from "../../workers/gateway/routing/shard-client.ts";
import { ReadSession } from "../../workers/gateway/sessions/read-session.ts";
import { claimOne, fail, getJob, must, newQueue, submit } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { RULES, sessionStory } from "./p7-scenes.ts";
import { type Reader, ReaderRig } from "./readers.ts";

// Also takes every mutant out.
afterEach(resetClock);

/** The gateway with one control less. `sound` is what the tests of P7 ask, and answers with what is wrong. */
interface Mutant {
  name: string;
  plant(): void;
  sound(): Promise<string | null>;
}

const MUTANTS: Mutant[] = [
  {
    name: "a bookmark is taken though it does not open",
    plant: () => {
      const { open } = Signer.prototype;
      vi.spyOn(Signer.prototype, "open").mockImplementation(async function (this: Signer, purpose, token) {
        return (await open.call(this, purpose, token)) ?? { v: 1, d1: null, shards: {} };
      });
    },
    sound: tamperedIsRefused,
  },
  {
    name: "the cache keeps a failed job",
    plant: () => {
      const { askWithLog } = ShardClient.prototype;
      vi.spyOn(ShardClient.prototype, "askWithLog").mockImplementation(async function (this: ShardClient, ...call) {
        const reply = await askWithLog.apply(this, call);
        const { job } = (isProblem(reply) ? {} : (reply.result ?? {})) as {
          job?: { namespace: string; id: string; state: string } | null;
        };
        if (job?.state === "failed") await toEdge(`/jobs/2/${job.namespace}/${job.id}`, { job, at: Date.now() }, 60);
        return reply as never;
      });
    },
    sound: failedIsNotKept,
  },
  {
    name: "a bookmark says what was seen last, and not what was seen before",
    plant: () => {
      vi.spyOn(ReadSession.prototype, "vector").mockImplementation(function (this: ReadSession) {
        return this.ownVector();
      });
    },
    sound: sessionIsSound,
  },
  {
    name: "a job is taken from a copy whose cursor is behind what was seen",
    plant: () => {
      vi.spyOn(ReadSession.prototype, "seqOf").mockReturnValue(0);
    },
    sound: sessionIsSound,
  },
];

/** Histories of a mutant, until one is broken. */
const MOST = 5;

describe("the tests of P7 notice when", () => {
  it.each(MUTANTS)("$name", { timeout: 200_000 }, async ({ name, plant, sound }) => {
    let found: string | null = null;
    for (let tries = 0; tries < MOST && found === null; tries++) {
      plant();
      found = await sound();
      resetClock();
    }
    console.log(`p7: ${name}: ${found}`);
    expect(found).toEqual(expect.any(String));
  });

  it.each([
    ["bookmarks", tamperedIsRefused],
    ["the cache", failedIsNotKept],
  ] as const)("nothing is broken, nothing: %s", async (_, sound) => {
    expect(await sound()).toBeNull();
  });
});

async function tamperedIsRefused(): Promise<string | null> {
  const rig = await ReaderRig.make();
  const reader = rig.reader();
  const { id } = await submit({ queue: await newQueue() });
  await reader.get(id, "strong");
  const bookmark = reader.bookmark ?? "";
  const forged = (bookmark.startsWith("A") ? "B" : "A") + bookmark.slice(1);
  const asked = async (sent: string) => {
    const headers = { "dure-bookmark": sent };
    return (await rig.reader().call("GET", `/v1/jobs/${id}?consistency=session`, { headers })).status;
  };
  const statuses = await Promise.all([forged, bookmark].map(asked));
  return statuses.join() === "400,200" ? null : `a forged bookmark and a true one were answered ${statuses.join()}`;
}

/** Read at all levels, retried, and read again: it is queued at every level. */
async function failedIsNotKept(): Promise<string | null> {
  const rig = await ReaderRig.make();
  const queue = await newQueue({ retry: { maxAttempts: 1 }, timeout: 86_400 });
  const { id } = await submit({ queue });
  await fail((await claimOne(queue)).lease);
  passTime(61_000);
  const states = async (reader: Reader) => {
    const told: string[] = [];
    for (const level of ["eventual", "strong", "session", "eventual"])
      told.push((await reader.get(id, level)).body.state);
    return told;
  };
  const before = await states(rig.reader());
  await must("POST", `/v1/jobs/${id}/retry`);
  const after = [...(await states(rig.reader())), (await getJob(id)).state];
  const right = before.every((state) => state === "failed") && after.every((state) => state === "queued");
  return right ? null : `failed, it was read as ${before.join()}, and retried as ${after.join()}`;
}

let seed = 30;
/** A random history of sessions. */
async function sessionIsSound(): Promise<string | null> {
  seed += 1;
  const { shared } = await sessionStory(seed);
  const [violation] = shared.recorder.violations(RULES);
  if (violation === undefined) return null;
  const { best, stuck } = violation.verdict;
  return `after ${best.slice(-3).join("; ")} came ${stuck[0]}`;
}
