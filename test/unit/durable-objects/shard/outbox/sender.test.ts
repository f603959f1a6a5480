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
  expect(broken(rig, "shard-0")).toContain("nothing-set-aside");
  for (const table of ["jobs", "packs"]) rig.sql("shard-1").run(`DROP TRIGGER bad_${table}`);
  rig.pass(300 * SECOND);
  expect(rig.find(bad)?.state).toBe("queued");
  expect(broken(rig, "shard-0")).toEqual([]);
});

test.each(["before a restart", "after one"])(
  "%s a job that is no JSON makes way for those behind it, and goes when it can be read",
  (when) => {
    const rig = new SpawnRig();
    const [bad = "", good = ""] = rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn()]);
    const [row] = rig.sql("shard-0").all<{ job: string }>("SELECT job FROM spawn_outbox WHERE id = ?", bad);
    rig.sql("shard-0").run("UPDATE spawn_outbox SET job = '{no JSON' WHERE id = ?", bad);
    if (when === "after one") rig.restart("shard-0");
    rig.pass(60 * SECOND);
    expect([rig.find(good)?.state, rig.find(bad)]).toEqual(["queued", null]);
    expect(broken(rig, "shard-0")).toContain("nothing-set-aside");
    rig.sql("shard-0").run("UPDATE spawn_outbox SET job = ? WHERE id = ?", row?.job ?? "", bad);
    rig.pass(300 * SECOND);
    expect(rig.find(bad)?.state).toBe("queued");
    expect(broken(rig, "shard-0")).toEqual([]);
  },
);

test.each([
  ["before a restart", "is no JSON", "{no JSON"],
  ["after one", "is no JSON", "{no JSON"],
  ["before a restart", "is nobody's", "{}"],
  ["before a restart", "is of another job", '{"id":"job_1"}'],
])("%s a letter that %s stops no other, and is not sent", (when, _what, letter) => {
  const rig = new SpawnRig();
  rig.fate = ({ type }) => (type === "letters" ? "before" : "ok");
  const [bad = "", good = ""] = rig.succeed(
    rig.start().lease,
    [1, 1].map((expiresAt) => rig.spawn({ expiresAt })),
  );
  rig.pass(10 * SECOND);
  rig.sql("shard-1").run("UPDATE spawn_letters SET letter = ? WHERE id = ?", letter, bad);
  if (when === "after one") rig.restart("shard-1");
  rig.fate = () => "ok";
  rig.pass(600 * SECOND);
  expect(rig.letters.map(({ id }) => id)).toEqual([good]);
  expect(rig.count("shard-1", "spawn_letters")).toBe(1);
  expect(broken(rig, "shard-1")).toContain("nothing-set-aside");
});

function broken(rig: SpawnRig, shard: string): string[] {
  const { violations } = rig.core(shard).auditWhole(rig.alarmAt(shard));
  return violations.map(({ rule }) => rule);
}
