import { beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../../../../../durable-objects/shard/kernel/engine.ts";
import { Part } from "../../../../../durable-objects/shard/kernel/part.ts";
import type { Subsystem } from "../../../../../durable-objects/shard/kernel/subsystem.ts";
import { openSql } from "../../../../simulation/node-sqlite.ts";

const SECOND = 1_000;

/** A subsystem with a table, a deadline, memory and a rule of audit: notes that are due at some time. */
class Notes {
  count: number;
  constructor(count: number) {
    this.count = count;
  }
}

const NOTES = new Part(
  "notes",
  ({ sql }) => new Notes(sql.all<{ n: number }>("SELECT count(*) AS n FROM notes")[0]?.n ?? 0),
);

let now = 0;
let alarmAt: number | null = null;
/** How often it was set: each time is a row. */
let sets = 0;
let ticked: string[] = [];
let clamped = 0;
let fails = false;
let left = 0;

const notes: Subsystem = {
  name: "notes",
  schema: [{ name: "notes/1-notes", statements: ["CREATE TABLE notes (due_at INTEGER NOT NULL)"] }],
  memory: [NOTES],
  nextAt: ({ sql }) => sql.all<{ at: number | null }>("SELECT min(due_at) AS at FROM notes")[0]?.at ?? null,
  tick(step) {
    if (fails) throw new Error("database or disk is full");
    ticked.push("notes");
    step.sql.run("DELETE FROM notes WHERE due_at <= ?", step.now);
    left -= 1;
    return left > 0;
  },
  ticksBeforeClaims: true,
  clampToClock() {
    clamped += 1;
    return false;
  },
};

const sweeper: Subsystem = {
  name: "sweeper",
  nextAt: () => 10 * SECOND,
  tick() {
    ticked.push("sweeper");
    return false;
  },
};

function start(sql = openSql()): Engine {
  const ports = {
    sql,
    now: () => now,
    random: () => 0.5,
    setAlarm: (at: number) => {
      alarmAt = at;
      sets += 1;
    },
  };
  return new Engine("shard-0", ports, [notes, sweeper]);
}

function add(engine: Engine, dueAt: number): void {
  engine.step((step) => {
    step.sql.run("INSERT INTO notes VALUES (?)", dueAt);
    step.wakeAt(dueAt);
    const memory = step.get(NOTES);
    step.onCommit(() => {
      memory.count += 1;
    });
  });
}

beforeEach(() => {
  now = SECOND;
  alarmAt = null;
  sets = 0;
  ticked = [];
  clamped = 0;
  fails = false;
  left = 0;
});

describe("the alarm", () => {
  test("is the least of all deadlines, from the rows at the start and from each step after it", () => {
    const sql = openSql();
    const engine = start(sql);
    expect(alarmAt).toBe(10 * SECOND);
    add(engine, 5 * SECOND);
    expect(alarmAt).toBe(5 * SECOND);
    add(engine, 7 * SECOND);
    expect(alarmAt).toBe(5 * SECOND);
    alarmAt = null;
    start(sql);
    expect(alarmAt).toBe(5 * SECOND);
  });

  test("runs what is due and nothing else, and is set to what comes next", () => {
    const engine = start();
    add(engine, 5 * SECOND);
    now = 5 * SECOND;
    engine.alarm();
    expect(ticked).toEqual(["notes"]);
    expect(alarmAt).toBe(10 * SECOND);
    now = 10 * SECOND;
    engine.alarm();
    expect(ticked).toEqual(["notes", "notes", "sweeper"]);
  });

  test("that has fired is set once, when all is done", () => {
    const engine = start();
    add(engine, 5 * SECOND);
    add(engine, 6 * SECOND);
    now = 6 * SECOND;
    sets = 0;
    engine.alarm();
    expect([sets, alarmAt]).toEqual([1, 10 * SECOND]);
  });

  test("that fires while nothing at all can be worked out is left to come again", () => {
    const sql = openSql();
    const engine = start(sql);
    sql.run("DROP TABLE notes");
    fails = true;
    now = 6 * SECOND;
    alarmAt = null;
    expect(() => engine.alarm()).toThrow();
    expect(alarmAt).toBeGreaterThan(now);
    expect(alarmAt).toBeLessThanOrEqual(now + 30 * SECOND);
  });

  test("stays as the platform has it when the shard is woken and that is soon enough", () => {
    const engine = start();
    add(engine, 5 * SECOND);
    sets = 0;
    engine.wake(5 * SECOND);
    engine.wake(3 * SECOND);
    expect(sets).toBe(0);
    engine.wake(6 * SECOND);
    expect([sets, alarmAt]).toEqual([1, 5 * SECOND]);
    engine.wake(null);
    expect([sets, alarmAt]).toEqual([2, 5 * SECOND]);
  });

  test("comes at once when a step could not do all", () => {
    const engine = start();
    left = 3;
    engine.alarm();
    expect(alarmAt).toBe(now);
    engine.alarm();
    expect(alarmAt).toBe(now);
    engine.alarm();
    expect(alarmAt).toBe(10 * SECOND);
  });

  test("of a tick that throws for want of a disk stops no other, comes again soon, and a claim then looks at what is due", () => {
    const engine = start();
    engine.alarm();
    add(engine, 2 * SECOND);
    now = 11 * SECOND;
    fails = true;
    ticked = [];
    expect(() => engine.alarm()).toThrow("disk is full");
    expect(ticked).toEqual(["sweeper"]);
    expect(alarmAt).toBe(now + 5 * SECOND);
    fails = false;
    ticked = [];
    engine.step((step) => engine.runDueWork(step));
    expect(ticked).toEqual(["notes"]);
  });
});

describe("an alarm of a clock that is ahead", () => {
  test("is set to what is due, which could not all be done, and not to the time that it shows", () => {
    const engine = start();
    now = 11 * SECOND;
    left = 2;
    engine.alarm();
    expect(alarmAt).toBe(10 * SECOND);
  });
});

describe("an alarm of which a tick has thrown", () => {
  test("comes when the next is due, where what threw is not due yet: its clock may have stepped back", () => {
    const engine = start();
    engine.alarm();
    now = -3 * SECOND;
    add(engine, 1 * SECOND);
    fails = true;
    expect(() => engine.alarm()).toThrow("disk is full");
    expect(alarmAt).toBe(1 * SECOND);
  });

  test("comes in half a minute at the latest", () => {
    const engine = start();
    engine.alarm();
    now = -60 * SECOND;
    fails = true;
    expect(() => engine.alarm()).toThrow("disk is full");
    expect(alarmAt).toBe(-30 * SECOND);
  });
});

describe("what is due before a claim", () => {
  test("is not asked for as long as the alarm lies ahead", () => {
    const engine = start();
    engine.alarm();
    ticked = [];
    add(engine, 5 * SECOND);
    engine.step((step) => engine.runDueWork(step));
    expect(ticked).toEqual([]);
    now = 5 * SECOND;
    engine.step((step) => engine.runDueWork(step));
    expect(ticked).toEqual(["notes"]);
  });

  test("is asked for by an object that has just started, whose clock may have stepped back, until its clock has run", () => {
    const engine = start();
    engine.step((step) => engine.runDueWork(step));
    expect([ticked, clamped]).toEqual([["notes"], 1]);
    engine.alarm();
    ticked = [];
    clamped = 0;
    engine.step((step) => engine.runDueWork(step));
    expect([ticked, clamped]).toEqual([[], 0]);
  });

  test("is looked at anew when the clock has stepped back", () => {
    const engine = start();
    engine.alarm();
    clamped = 0;
    now -= 500;
    engine.step((step) => engine.runDueWork(step));
    expect(clamped).toBe(1);
    engine.step((step) => engine.runDueWork(step));
    expect(clamped).toBe(1);
  });
});

describe("memory", () => {
  test("is read from the rows at the start and changes only when a step has committed", () => {
    const sql = openSql();
    const engine = start(sql);
    add(engine, 5 * SECOND);
    expect(engine.get(NOTES).count).toBe(1);
    const undone = () =>
      engine.step((step) => {
        step.sql.run("INSERT INTO notes VALUES (1)");
        const memory = step.get(NOTES);
        step.onCommit(() => {
          memory.count += 1;
        });
        throw new Error("undone");
      });
    expect(undone).toThrow("undone");
    expect(engine.get(NOTES).count).toBe(1);
    expect(start(sql).get(NOTES).count).toBe(1);
  });
});
