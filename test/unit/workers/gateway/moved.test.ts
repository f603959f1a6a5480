import { expect, test } from "vitest";
import type { ExistingIdsReply, ExtendResult, ReportResult } from "../../../../contract/rpc.ts";
import { makeJobId, parseJobId } from "../../../../domain/job-id.ts";
import { formatLease, parseLease } from "../../../../domain/lease.ts";
import { initialMap, ownerOf, type SlotMap } from "../../../../domain/slots.ts";
import { askExistingIds } from "../../../../workers/gateway/jobs/ask-existing-ids.ts";
import { ShardClient } from "../../../../workers/gateway/routing/shard-client.ts";
import type { Services } from "../../../../workers/gateway/services.ts";
import { extend, report } from "../../../../workers/gateway/work/reporting.ts";
import { replyOf, shardWith } from "../../../rigs/replies.ts";

const BEFORE = initialMap(4);
/** Two shards have left: half of all slots are others'. */
const AFTER: SlotMap = { ...initialMap(2), epoch: 2 };
const SLOTS = [1, 1500, 2500, 4000];
const IDS = SLOTS.map((slot, n) => makeJobId(n, slot, new Uint8Array(8)));
const LEASES = IDS.map((jobId) => formatLease({ jobId, attempt: 1, nonce: "0".repeat(16) }));

/** The gateway with its old map, before shards that go by `AFTER`; the Directory says what `directory` is. */
function world(directory: SlotMap = AFTER) {
  const calls: string[] = [];
  let busy = 0;
  const ownerOfId = (id: string) => ownerOf(AFTER, parseJobId(id)?.slot ?? 0);
  const ownerOfLease = (lease: string) => ownerOfId(parseLease(lease)?.jobId ?? "");
  const each = <R>(name: string, leases: { lease: string }[], done: R) =>
    leases.map(({ lease }) => {
      calls.push(`${name} ${LEASES.indexOf(lease)}`);
      if (busy > 0) {
        busy -= 1;
        return { status: "busy", retryAfterMs: 40 } as const;
      }
      const to = ownerOfLease(lease);
      return to === name ? done : ({ status: "moved", to } as const);
    });
  const existing = (name: string, ids: string[]): ExistingIdsReply => {
    calls.push(`${name} ${ids.map((id) => IDS.indexOf(id)).join()}`);
    return ids.every((id) => ownerOfId(id) === name) ? { type: "existing", ids } : { type: "moved", map: AFTER };
  };
  let slept = 0;
  const shards = new ShardClient({
    shard: (name) =>
      shardWith({
        report: async ({ reports }) => {
          const results: ReportResult[] = each(name, reports, { status: "recorded" });
          return replyOf({ type: "reported", results });
        },
        extend: async ({ leases }) => {
          const results: ExtendResult[] = each(name, leases, { status: "extended", leaseExpiresAt: 7, leaseLeftMs: 3 });
          return replyOf({ type: "extended", results });
        },
        existingIds: async ({ ids }) => replyOf(existing(name, ids)),
        releaseKeys: async ({ jobs }) =>
          replyOf(
            existing(
              name,
              jobs.map(({ id }) => id),
            ),
          ),
      }),
    directory: () => ({ map: async () => directory }),
    now: () => slept,
    random: () => 0.5,
    sleep: async (ms) => {
      slept += ms;
    },
  });
  shards.adopt(BEFORE);
  const services = { shards } as Services;
  const isBusy = (times: number) => {
    busy = times;
  };
  return { services, calls, isBusy, slept: () => slept };
}

const reports = LEASES.map((lease) => ({
  lease,
  outcome: { ok: true as const, result: null, resultTruncated: false },
}));
const how = { namespace: "default", withJobs: false, queues: [] };

test.each([
  ["and the Directory knows it", AFTER],
  ["and only its shards know it", BEFORE],
])("a report whose slot has moved is recorded where it is now, %s", async (_, directory) => {
  const { services, calls } = world(directory);
  expect(await report(services, reports, how)).toEqual(reports.map(() => ({ status: "recorded" })));
  // Those that did not move are not sent a second time: it would be told stale.
  const owners = SLOTS.map((slot) => [ownerOf(BEFORE, slot), ownerOf(AFTER, slot)]);
  const expected = owners.flatMap(([from, to], i) => (from === to ? [`${from} ${i}`] : [`${from} ${i}`, `${to} ${i}`]));
  expect(calls.sort()).toEqual(expected.sort());
});

test("a heartbeat goes on where its job is now", async () => {
  const { services, calls } = world();
  const extension = { lease: LEASES[3] ?? "", leaseMs: null, unlessLeftMs: null };
  expect(await extend(services, "default", extension)).toEqual({
    status: "extended",
    leaseExpiresAt: 7,
    leaseLeftMs: 3,
  });
  expect(calls).toEqual(["shard-3 3", "shard-1 3"]);
});

test("a heartbeat that is put off is sent again in a moment", async () => {
  const { services, calls, isBusy, slept } = world();
  isBusy(2);
  const extension = { lease: LEASES[0] ?? "", leaseMs: null, unlessLeftMs: null };
  expect(await extend(services, "default", extension)).toEqual({
    status: "extended",
    leaseExpiresAt: 7,
    leaseLeftMs: 3,
  });
  expect([calls.length, slept()]).toEqual([3, 80]);
});

test("one that is put off without end is 503", async () => {
  const { services, isBusy } = world();
  isBusy(100);
  const extension = { lease: LEASES[0] ?? "", leaseMs: null, unlessLeftMs: null };
  expect(await extend(services, "default", extension)).toMatchObject({ code: "unavailable" });
});

test("which jobs are held is asked where they are now, by each group that moved", async () => {
  const { services } = world();
  const jobs = IDS.map((id) => ({ id }));
  expect(await askExistingIds(services, jobs)).toEqual(new Set(IDS));
});

test("keys are released where their jobs are now", async () => {
  const { services, calls } = world();
  const keys = { queue: "q", orderingKey: null, concurrencyKey: null, idempotencyKey: "k", dedupKey: null };
  const jobs = IDS.map((id) => ({ ...keys, id }));
  const found = await askExistingIds(services, jobs, (shard, head, own) =>
    shard.releaseKeys({ ...head, namespace: "default", jobs: own }),
  );
  expect(found).toEqual(new Set(IDS));
  expect(calls.at(-1)).toBe("shard-1 2,3");
});
