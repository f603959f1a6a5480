import type { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import type { FinishedReply } from "../../../../contract/rpc.ts";
import { confirmProjections, projectionStore } from "../../../../workers/db/projection.ts";
import { isPassing, retrying } from "../../../../workers/db/retry.ts";
import { runProjection } from "../../../../workers/processor/projection.ts";
import { replyOf } from "../../../rigs/replies.ts";
import { d1, type Gate, openHistory } from "../../../simulation/d1-stand-in.ts";

const NOW = 1_763_800_000_000;

let db: DatabaseSync;
beforeEach(() => {
  db = openHistory();
});

/** What history says of how far it is with `shard`. */
function mark(shard = "shard-0"): Record<string, unknown> | undefined {
  return db.prepare("SELECT cursor, updated_at, heard_at FROM projections WHERE shard = ?").get(shard);
}

const page = (cursor: number, more = false): FinishedReply => ({ chunks: [], jobs: 0, cursor, skip: 0, more });

/** Nothing but how far it is, from the start. */
const to = (cursor: number) => ({
  from: { cursor: 0, skip: 0 },
  to: { cursor, skip: 0 },
  heardAt: NOW,
  chunks: [],
  pages: [],
  isRebuild: false,
});

describe("how far history is with a shard", () => {
  /** A clock that goes on by a second with each page the shard gives; `pages` are its answers. */
  async function project(pages: FinishedReply[], database = d1(db)) {
    let now = NOW;
    const told: { cursor: number; bookmark: string | null }[] = [];
    const shard = {
      finished: async () => {
        now += 1000;
        return replyOf(pages.shift() ?? page(0));
      },
      projected: async ({ cursor, bookmark }: { cursor: number; bookmark: string | null }) => {
        told.push({ cursor, bookmark });
        return replyOf(null);
      },
    };
    const store = projectionStore(database, { now: () => now });
    await runProjection(
      { shard, db: store, now: () => now, sleep: async () => undefined, log: () => undefined },
      "shard-0",
    );
    return told;
  }

  test("is as of before the shard was asked, not of when it was written", async () => {
    await project([page(5)]);
    expect(mark()).toEqual({ cursor: 5, updated_at: NOW + 1000, heard_at: NOW });
  });

  test("is not known while the shard has more, and then as of the last page", async () => {
    await project([page(5, true), page(5, true)]);
    expect(mark()).toMatchObject({ cursor: 5, heard_at: null });
    await project([page(6, true), page(9)]);
    expect(mark()).toMatchObject({ cursor: 9, heard_at: NOW + 1000 });
    await project([page(12, true), page(12, true)]);
    expect(mark()).toMatchObject({ cursor: 12, heard_at: NOW + 1000 });
  });

  test("is confirmed only where it is level with the shard", async () => {
    const store = projectionStore(d1(db), { now: () => NOW });
    for (const [shard, cursor] of [
      ["level", 5],
      ["ahead", 9],
      ["behind", 4],
      ["silent", 5],
    ] as const) {
      await store.write(shard, to(cursor));
    }
    const logs = ["level", "ahead", "behind", "unheard-of"].map((shard) => ({ shard, seq: 5 }));
    await confirmProjections(d1(db), logs, { heardAt: NOW + 60_000, now: NOW + 60_500 });
    const confirmed = { updated_at: NOW + 60_500, heard_at: NOW + 60_000 };
    expect(mark("level")).toMatchObject(confirmed);
    expect(mark("ahead")).toMatchObject(confirmed);
    expect(mark("behind")).toMatchObject({ updated_at: NOW, heard_at: NOW });
    expect(mark("silent")).toMatchObject({ updated_at: NOW, heard_at: NOW });
    expect(mark("unheard-of")).toBeUndefined();
  });

  test("is told to the shard with the bookmark of the write; without one where nothing was written", async () => {
    const plain = d1(db);
    const withBookmark = {
      ...plain,
      withSession: () => ({ ...plain.withSession(), batch: plain.batch, getBookmark: () => "mark-1" }),
    } as unknown as D1Database;
    expect(await project([page(5)], withBookmark)).toEqual([{ cursor: 5, bookmark: "mark-1" }]);
    expect(await project([page(5)], withBookmark)).toEqual([{ cursor: 5, bookmark: null }]);
    expect(await project([page(7)])).toEqual([{ cursor: 7, bookmark: null }]);
  });
});

describe("an error of D1 that passes", () => {
  /** Fails `times` times with `message`, before or after the work was done. */
  function failing(times: number, message: string, when: "before" | "after"): Gate {
    let left = times;
    return async (work) => {
      const fails = left-- > 0;
      if (fails && when === "before") throw new Error(message);
      const done = work();
      if (fails) throw new Error(message);
      return done;
    };
  }

  function retried() {
    const pauses: number[] = [];
    const sleep = async (ms: number) => void pauses.push(ms);
    return { again: retrying({ random: () => 0.5, sleep }), pauses };
  }

  test.each([
    ["before", [100, 200]],
    // The second try finds that history has gone on: the first had done it.
    ["after", [100]],
  ] as const)("%s the write costs a pause, and nothing is doubled", async (when, expected) => {
    const { again, pauses } = retried();
    const store = projectionStore(d1(db, failing(2, "D1_ERROR: Network connection lost.", when)), {
      now: () => NOW,
      retryD1: again,
    });
    await store.write("shard-0", to(5));
    expect([mark()?.cursor, pauses]).toEqual([5, expected]);
  });

  test("is tried three times in all", async () => {
    const { again, pauses } = retried();
    const store = projectionStore(d1(db, failing(3, "Replica disconnected from primary", "before")), {
      now: () => NOW,
      retryD1: again,
    });
    await expect(store.position("shard-0")).rejects.toThrow("Replica");
    expect(pauses).toEqual([100, 200]);
  });

  test("is told from one that does not, also inside another", () => {
    expect(isPassing(new Error("D1_ERROR: no such table: jobs"))).toBe(false);
    expect(isPassing("Network connection lost")).toBe(false);
    const inner = new Error("D1 DB reset because its code was updated.");
    expect(isPassing(new Error("Failed query: select 1", { cause: inner }))).toBe(true);
  });

  test("other errors are not tried again", async () => {
    const { again, pauses } = retried();
    const store = projectionStore(d1(db, failing(1, "D1_ERROR: too many SQL variables", "before")), {
      now: () => NOW,
      retryD1: again,
    });
    await expect(store.position("shard-0")).rejects.toThrow("too many");
    expect(pauses).toEqual([]);
  });
});
