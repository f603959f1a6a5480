import { expect, test } from "vitest";
import { SpawnRig } from "../../../../rigs/spawn-rig.ts";

const SECOND = 1_000;

test("a job over which its receiver throws is sent again later and later, until it is taken, and stops no other", () => {
  const rig = new SpawnRig();
  for (const table of ["jobs", "packs"]) {
    const when = `BEFORE INSERT ON ${table} WHEN NEW.priority = 9`;
    rig.sql("shard-1").run(`CREATE TRIGGER bad_${table} ${when} BEGIN SELECT RAISE(ABORT, 'planted'); END`);
  }
  const [bad = "", good = ""] = rig.succeed(rig.start().lease, [rig.spawn({ priority: 9 }), rig.spawn()]);
  const sentAt: number[] = [];
  rig.fate = (delivery) => {
    if (delivery.type === "jobs" && delivery.request.jobs.some(({ job }) => job.id === bad)) sentAt.push(rig.now);
    return "ok";
  };
  rig.pass(400 * SECOND);
  expect([rig.find(good)?.state, rig.find(bad)]).toEqual(["queued", null]);
  const waits = sentAt.slice(1).map((at, i) => Math.round((at - (sentAt[i] ?? 0)) / SECOND));
  expect(waits).toEqual([5, 10, 20, 40, 80, 160]);
  const rules = () =>
    rig
      .core("shard-0")
      .auditWhole(rig.alarmAt("shard-0"))
      .violations.map(({ rule }) => rule);
  expect(rules()).toContain("nothing-set-aside");
  for (const table of ["jobs", "packs"]) rig.sql("shard-1").run(`DROP TRIGGER bad_${table}`);
  rig.pass(300 * SECOND);
  expect(rig.find(bad)?.state).toBe("queued");
  expect(rules()).toEqual([]);
});
