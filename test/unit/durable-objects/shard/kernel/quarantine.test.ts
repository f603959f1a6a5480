import { beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../../../../../durable-objects/shard/kernel/engine.ts";
import {
  type Aside,
  QUARANTINE,
  readableSettings,
  walk,
} from "../../../../../durable-objects/shard/kernel/quarantine.ts";
import type { Step } from "../../../../../durable-objects/shard/kernel/step.ts";
import type { Subsystem } from "../../../../../durable-objects/shard/kernel/subsystem.ts";
import { openSql } from "../../../../simulation/node-sqlite.ts";

const SECOND = 1_000;
const EACH = { kind: "notes", keyOf: ({ id }: { id: string }) => id } as const;

let now = 0;
let alarmAt: number | null = null;
/** Notes over which work throws, and how. */
const bad = new Map<string, () => void>();
let told: Aside[] = [];
let engine: Engine;

function due({ sql }: { sql: Step["sql"] }, limit: number): { id: string }[] {
  return sql.all<{ id: string }>("SELECT id FROM notes WHERE due_at <= ? ORDER BY due_at, id LIMIT +?", now, limit);
}

function work(step: Step, id: string): void {
  step.sql.run("DELETE FROM notes WHERE id = ?", id);
  bad.get(id)?.();
}

const notes: Subsystem = {
  name: "notes",
  schema: [{ name: "notes/1", statements: ["CREATE TABLE notes (id TEXT PRIMARY KEY, due_at INTEGER) WITHOUT ROWID"] }],
  nextAt: (parts, at) =>
    parts.get(QUARANTINE).nextAt(
      { kind: EACH.kind, now: at },
      () => parts.sql.all<{ at: number | null }>("SELECT min(due_at) AS at FROM notes")[0]?.at ?? null,
      (limit) =>
        parts.sql.all<{ key: string; at: number }>(
          "SELECT id AS key, due_at AS at FROM notes ORDER BY due_at LIMIT +?",
          limit,
        ),
    ),
  tick(step) {
    const limit = 100 + step.get(QUARANTINE).count(EACH.kind, step.now);
    walk(step, EACH, { rows: due(step, limit), each: ({ id }) => work(step, id) });
    return false;
  },
  ticksBeforeClaims: true,
};
let sweeps = 0;
const sweeper: Subsystem = {
  name: "sweeper",
  nextAt: (_, at) => at,
  tick() {
    sweeps += 1;
    bad.get("sweeper")?.();
    return false;
  },
};

beforeEach(() => {
  now = 100 * SECOND;
  bad.clear();
  told = [];
  sweeps = 0;
  const ports = {
    sql: openSql(),
    now: () => now,
    random: () => 0.5,
    setAlarm: (at: number) => {
      alarmAt = at;
    },
    setAside: (aside: Aside) => told.push(aside),
  };
  engine = new Engine("shard-0", ports, [notes, sweeper]);
});

function add(...ids: string[]): void {
  engine.step((step) => {
    for (const id of ids) step.sql.run("INSERT INTO notes VALUES (?, ?)", id, now);
  });
}

function left(): string[] {
  return engine.sql.all<{ id: string }>("SELECT id FROM notes ORDER BY id").map(({ id }) => id);
}

const throws = () => {
  throw new Error("this one");
};

describe("a row at which the clock throws", () => {
  test("is set aside, and all others go on", () => {
    add("a", "b", "c");
    bad.set("b", throws);
    engine.alarm();
    engine.alarm();
    expect(left()).toEqual(["b"]);
    expect(told.map(({ kind, key, tries }) => [kind, key, tries])).toEqual([["notes", "b", 1]]);
  });

  test("is tried again after 5 s, 10 s, 20 s … 5 minutes, and the alarm is set to that", () => {
    add("b");
    bad.set("b", throws);
    const waits: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      engine.alarm();
      const aside = engine.get(QUARANTINE).find("notes", "b");
      waits.push(((aside?.until ?? 0) - now) / SECOND);
      now = aside?.until ?? now;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    bad.clear();
    engine.alarm();
    expect(left()).toEqual([]);
    expect(engine.get(QUARANTINE).any).toBe(false);
  });

  test("is not looked at before, nor does it keep the alarm from what is due later", () => {
    bad.set("sweeper", () => undefined);
    add("b");
    bad.set("b", throws);
    engine.alarm();
    engine.step((step) => step.sql.run("INSERT INTO notes VALUES ('later', ?)", now + 2 * SECOND));
    expect(notes.nextAt?.(engine, now)).toBe(now + 2 * SECOND);
    now += 2 * SECOND;
    engine.alarm();
    expect(left()).toEqual(["b"]);
    expect(told.length).toBe(1);
    expect(notes.nextAt?.(engine, now)).toBe(now + 3 * SECOND);
    expect(alarmAt).not.toBeNull();
  });

  test("counts as due from its next try on, also when that has come, and then a row that is due before it goes first", () => {
    add("b");
    bad.set("b", throws);
    engine.alarm();
    const until = engine.get(QUARANTINE).find("notes", "b")?.until ?? 0;
    const insert = (id: string, at: number) =>
      engine.step((step) => step.sql.run("INSERT INTO notes VALUES (?, ?)", id, at));
    now = until + 2 * SECOND;
    expect(notes.nextAt?.(engine, now)).toBe(until);
    insert("later", until + SECOND);
    expect(notes.nextAt?.(engine, now)).toBe(until);
    insert("before", until - SECOND);
    expect(notes.nextAt?.(engine, now)).toBe(until - SECOND);
    engine.sql.run("DELETE FROM notes");
    expect(notes.nextAt?.(engine, now)).toBe(null);
  });

  test("is found also where its step throws at its very end, and where a claim does the clock's work", () => {
    add("a", "b");
    const claim = () =>
      engine.step((step) => {
        engine.runDueWork(step);
        step.beforeCommit(() => {
          if (!left().includes("b")) throw new Error("at the end");
        });
        return "claimed";
      });
    expect(claim()).toBe("claimed");
    expect(left()).toEqual(["b"]);
    expect(told.map(({ key }) => key)).toEqual(["b"]);
  });

  test("is tried at once when somebody asks for it, but not more often than once a second", () => {
    add("b");
    bad.set("b", throws);
    engine.alarm();
    now += 500;
    engine.tryAgain("notes", "b");
    expect(told.length).toBe(1);
    now += 500;
    engine.tryAgain("notes", "b");
    expect(told.map(({ tries }) => tries)).toEqual([1, 2]);
    bad.clear();
    now += SECOND;
    engine.tryAgain("notes", "b");
    expect(left()).toEqual([]);
  });

  test("is found again by an object that starts anew", () => {
    add("a", "b");
    bad.set("b", throws);
    engine.alarm();
    const again = new Engine(
      "shard-0",
      { sql: engine.sql, now: () => now, random: () => 0.5, setAlarm: () => undefined },
      [notes],
    );
    add("c");
    again.alarm();
    again.alarm();
    expect(left()).toEqual(["b"]);
  });
});

describe("what is no row's fault", () => {
  test("a subsystem that throws is set aside as a whole, and stops no other", () => {
    bad.set("sweeper", throws);
    add("a");
    engine.alarm();
    expect([left(), sweeps > 0]).toEqual([[], true]);
    expect(told.map(({ kind, key }) => [kind, key])).toEqual([["subsystem", "sweeper"]]);
    const swept = sweeps;
    engine.alarm();
    expect(sweeps).toBe(swept);
  });

  test("a fault of the database sets nothing aside, and is thrown", () => {
    add("a", "b");
    bad.set("a", () => {
      throw new Error("database or disk is full: SQLITE_FULL");
    });
    expect(() => engine.alarm()).toThrow("disk is full");
    expect([told, left()]).toEqual([[], ["a", "b"]]);
  });

  test("a step that throws over no row is thrown, and is not run for ever", () => {
    let runs = 0;
    const step = () =>
      engine.step(() => {
        runs += 1;
        throw new Error("its own");
      });
    expect(step).toThrow("its own");
    expect([runs <= 3, told]).toEqual([true, []]);
  });

  test("two rows that throw only together are worked on one by one", () => {
    add("a", "b");
    const together = () => {
      if (left().length === 0) throw new Error("both");
    };
    bad.set("a", together);
    bad.set("b", together);
    engine.alarm();
    add("c");
    expect(left()).toContain("c");
    expect(left().length).toBeLessThan(3);
  });
});

describe("settings that cannot be read", () => {
  const name = { kind: "settings", key: "q" };
  const read = () => readableSettings(engine, name, () => JSON.parse("{no JSON"));

  test("are said for however long nobody sends them, and stop no walk", () => {
    expect(read()).toBe(null);
    const quarantine = engine.get(QUARANTINE);
    now += 24 * 3600 * SECOND;
    quarantine.setAside({ kind: "notes", key: "a" }, new Error("another"), now);
    expect(quarantine.list().map(({ key }) => key)).toEqual(["q", "a"]);
    expect(quarantine.holds(name.kind, name.key, now)).toBe(false);
    quarantine.release(name);
    expect(quarantine.list().map(({ key }) => key)).toEqual(["a"]);
  });

  test("a fault of the platform is thrown", () => {
    const make = () => {
      throw new Error("database or disk is full: SQLITE_FULL");
    };
    expect(() => readableSettings(engine, name, make)).toThrow("disk is full");
    expect(told).toEqual([]);
  });
});
