import { expect, test } from "vitest";
import type { ExtendResult, ReportResult } from "../../../../../contract/rpc.ts";
import { parseJobId } from "../../../../../domain/job-id.ts";
import { formatLease, parseLease } from "../../../../../domain/lease.ts";
import { ownerOf, type SlotMap } from "../../../../../domain/slots.ts";
import { extend, report } from "../../../../../workers/gateway/work/reporting.ts";
import {
  AFTER_MOVE,
  BEFORE_MOVE,
  MOVED_IDS,
  MOVED_SLOTS,
  ShardsRig,
  servicesWith,
} from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

const LEASES = MOVED_IDS.map((jobId) => formatLease({ jobId, delivery: 1, tag: "0".repeat(32) }));

/** The gateway with the map of before, and shards that go by the one of after; the Directory says what `directory` is. */
function gateway(directory: SlotMap = AFTER_MOVE) {
  const calls: string[] = [];
  let busy = 0;
  const ownerOfLease = (lease: string) => ownerOf(AFTER_MOVE, parseJobId(parseLease(lease)?.jobId ?? "")?.slot ?? 0);
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
  const rig = new ShardsRig({
    shard: (name) => ({
      report: async ({ reports }) => {
        const results: ReportResult[] = each(name, reports, { status: "recorded" });
        return replyOf({ type: "reported", results });
      },
      extend: async ({ leases }) => {
        const results: ExtendResult[] = each(name, leases, { status: "extended", leaseExpiresAt: 7, leaseLeftMs: 3 });
        return replyOf({ type: "extended", results });
      },
    }),
    map: () => directory,
  });
  rig.client.adopt(BEFORE_MOVE);
  const isBusy = (times: number) => {
    busy = times;
  };
  return { services: servicesWith({ shards: rig.client }), calls, isBusy, slept: () => rig.now };
}

const reports = LEASES.map((lease) => ({
  lease,
  outcome: { ok: true as const, result: null, resultTruncated: false },
}));
const how = { namespace: "default", withJobs: false, queues: [] };

test.each([
  ["and the Directory knows it", AFTER_MOVE],
  ["and only its shards know it", BEFORE_MOVE],
])("a report whose slot has moved is recorded where it is now, %s", async (_, directory) => {
  const { services, calls } = gateway(directory);
  expect(await report(services, reports, how)).toEqual(reports.map(() => ({ status: "recorded" })));
  // Those that did not move are not sent a second time: it would be told stale.
  const owners = MOVED_SLOTS.map((slot) => [ownerOf(BEFORE_MOVE, slot), ownerOf(AFTER_MOVE, slot)]);
  const expected = owners.flatMap(([from, to], i) => (from === to ? [`${from} ${i}`] : [`${from} ${i}`, `${to} ${i}`]));
  expect(calls.sort()).toEqual(expected.sort());
});

test("a heartbeat goes on where its job is now", async () => {
  const { services, calls } = gateway();
  const extension = { lease: LEASES[3] ?? "", leaseMs: null, unlessLeftMs: null };
  expect(await extend(services, "default", extension)).toEqual({
    status: "extended",
    leaseExpiresAt: 7,
    leaseLeftMs: 3,
  });
  expect(calls).toEqual(["shard-3 3", "shard-1 3"]);
});

test("a heartbeat that is put off is sent again in a moment", async () => {
  const { services, calls, isBusy, slept } = gateway();
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
  const { services, isBusy } = gateway();
  isBusy(100);
  const extension = { lease: LEASES[0] ?? "", leaseMs: null, unlessLeftMs: null };
  expect(await extend(services, "default", extension)).toMatchObject({ code: "unavailable" });
});
