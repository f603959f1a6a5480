import { beforeEach, describe, expect, test } from "vitest";
import type { ClaimedJob, SpawnJob } from "../../../../../contract/rpc.ts";
import { SLOTS, type SlotMap, slotOf } from "../../../../../domain/slots.ts";
import { at, CALL, Harness, MINUTE, only } from "../../../../rigs/shard-harness.ts";

/** Two partitions of the queue, in two slots. */
const [GOES, STAYS] = [0, 1];
const SLOT = slotOf("default", "q", GOES);

/** `shard-1` owns the slot of the first partition, `shard-0` all others. */
const LATER: SlotMap = {
  epoch: 2,
  shards: [
    {
      id: "shard-0",
      slots: [
        { from: 0, to: SLOT - 1 },
        { from: SLOT + 1, to: SLOTS - 1 },
      ],
    },
    { id: "shard-1", slots: [{ from: SLOT, to: SLOT }] },
  ],
};

const MOVED = { status: "moved", to: "shard-1" };

describe("once the slot of a job is another shard's", () => {
  let h: Harness;
  beforeEach(() => {
    h = new Harness({ partitions: 2, target: { type: "pull" } });
  });

  /** A claimed job of each partition. */
  function claimed(): { goes: ClaimedJob; stays: ClaimedJob } {
    const ids = [GOES, STAYS].map((partition) => h.accept({ partition }));
    const jobs = h.claim();
    const of = (id: string | undefined) => only(jobs.filter(({ job }) => job.id === id));
    return { goes: of(ids[0]), stays: of(ids[1]) };
  }

  /** All that is stored, but for the map itself. */
  function stored(): unknown[] {
    const tables = h.sql.all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    return tables.filter(({ name }) => name !== "meta").map(({ name }) => [name, h.sql.all(`SELECT * FROM ${name}`)]);
  }

  /** Runs `call` after the move, and expects that it changes nothing. */
  function changesNothing<R>(call: () => R): R {
    h.core.adopt(LATER);
    const before = stored();
    const result = call();
    expect(stored()).toEqual(before);
    return result;
  }

  const success = (lease: string) => ({ lease, outcome: { ok: true, result: "1", resultTruncated: false } as const });

  test("a report of it answers where it is", () => {
    const { goes } = claimed();
    expect(changesNothing(() => h.report(goes.lease, success(goes.lease).outcome))).toEqual(MOVED);
  });

  test("a report of it brings no jobs, and no settings", () => {
    const { goes } = claimed();
    const newer = { ...h.queue, version: 9 };
    const spawn: SpawnJob[] = [{ ...h.job(), queue: "q" }];
    const outcome = { ok: true as const, result: null, resultTruncated: false, spawn };
    expect(changesNothing(() => h.report(goes.lease, outcome, { queues: [newer] }))).toEqual(MOVED);
  });

  test("the other reports of the same call are recorded, each under its own lease", () => {
    const { goes, stays } = claimed();
    h.core.adopt(LATER);
    const reports = [stays, goes].map(({ lease }) => success(lease));
    const reply = h.core.report({ ...CALL, namespace: "default", withJobs: true, queues: [], waitMs: 0, reports });
    expect(reply).toMatchObject({ results: [{ status: "recorded", job: { id: stays.job.id } }, MOVED] });
    expect(h.rows()).toMatchObject([{}, {}]);
    expect(h.state(stays.job.id)).toBe("succeeded");
  });

  test("the processor's door answers so for each report", () => {
    h.configure({ target: { type: "handler", name: "noop" } });
    const ids = [GOES, STAYS].map((partition) => h.accept({ partition }));
    const items = h.take();
    h.core.adopt(LATER);
    const { reports } = h.work({ reports: items.map(({ lease }) => success(lease)) });
    expect(items.map(({ id }, i) => [id, at(reports, i).status]).sort()).toEqual(
      [
        [ids[0], "moved"],
        [ids[1], "recorded"],
      ].sort(),
    );
  });

  test("a heartbeat of it answers where it is, and the others go on", () => {
    const { goes, stays } = claimed();
    expect(changesNothing(() => h.extend(goes.lease, MINUTE))).toEqual(MOVED);
    const leases = [goes, stays].map(({ lease }) => ({
      lease,
      leaseMs: MINUTE,
      unlessLeftMs: null,
      progress: { percent: 5 },
    }));
    const { results } = h.core.extend({ ...CALL, namespace: null, leases });
    expect(results).toMatchObject([MOVED, { status: "extended" }]);
    expect(h.count("progress")).toBe(1);
  });

  test("a lease that is none is unknown, wherever", () => {
    h.core.adopt(LATER);
    expect(h.report("lease_none", success("").outcome)).toEqual({ status: "unknown" });
    expect(h.extend("lease_none", MINUTE)).toEqual({ status: "unknown" });
  });

  test("what is asked or done about it by its id answers `moved`, with the map", () => {
    const { goes, stays } = claimed();
    for (const { lease } of [goes, stays]) h.fail(lease, { retryable: false });
    const jobs = [goes, stays].map(({ job }) => ({ id: job.id, version: h.get(job.id).version }));
    const ids = jobs.map(({ id }) => id);
    const keys = { queue: "q", orderingKey: null, concurrencyKey: null, idempotencyKey: "k", dedupKey: null };
    const moved = { type: "moved", map: LATER };
    expect(changesNothing(() => h.core.existingIds({ ...CALL, ids }))).toEqual(moved);
    const keyed = ids.map((id) => ({ ...keys, id }));
    const { core } = h;
    expect(changesNothing(() => core.releaseKeys({ ...CALL, namespace: "default", jobs: keyed }))).toEqual(moved);
    expect(changesNothing(() => core.discardMoved({ ...CALL, namespace: "default", jobs, released: [] }))).toEqual(
      moved,
    );
    expect(changesNothing(() => core.discardMoved({ ...CALL, namespace: "default", jobs: [], released: ids }))).toEqual(
      moved,
    );
    const [, own] = jobs;
    expect(core.existingIds({ ...CALL, ids: [own?.id ?? ""] })).toEqual({ type: "existing", ids: [own?.id] });
  });
});
