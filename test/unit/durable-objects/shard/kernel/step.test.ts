import { beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../../../../../durable-objects/shard/kernel/engine.ts";
import { Part } from "../../../../../durable-objects/shard/kernel/part.ts";
import { Presence } from "../../../../../durable-objects/shard/kernel/presence.ts";
import type { Subsystem } from "../../../../../durable-objects/shard/kernel/subsystem.ts";
import { openSql } from "../../../../simulation/node-sqlite.ts";

/** A number in memory of which each step has a view of its own. */
const COUNTER = new Part(
  "counter",
  () => ({ value: 0 }),
  (base, step) => {
    const view = { value: base.value };
    step.onCommit(() => {
      base.value = view.value;
    });
    return view;
  },
);
const WORDS = new Part("words", ({ sql }) => new Presence(sql, "words"));

const words: Subsystem = {
  name: "words",
  schema: [{ name: "words/1-words", statements: ["CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID"] }],
  memory: [COUNTER, WORDS],
};

let engine: Engine;

beforeEach(() => {
  const ports = { sql: openSql(), now: () => 1, random: () => 0.5, setAlarm: () => undefined };
  engine = new Engine("shard-0", ports, [words]);
});

function written(): string[] {
  return engine.sql.all<{ word: string }>("SELECT word FROM words ORDER BY word").map(({ word }) => word);
}

describe("a step", () => {
  test("sees what it has changed itself, and others see it when it has committed", () => {
    engine.step((step) => {
      step.get(COUNTER).value += 1;
      step.get(COUNTER).value += 1;
      expect(step.get(COUNTER).value).toBe(2);
      expect(engine.get(COUNTER).value).toBe(0);
    });
    expect(engine.get(COUNTER).value).toBe(2);
  });

  test("does at its end first what may change rows, then what writes down, each once, and after the commit the rest", () => {
    const order: string[] = [];
    engine.step((step) => {
      step.beforeCommit(() => order.push("record"));
      let put = 2;
      step.beforeRecords(() => {
        if (put > 0) order.push(`settle ${put}`);
        put = 0;
      });
      step.onCommit(() => order.push("commit"));
      step.runDeferred();
      put = 1;
      order.push("command");
    });
    expect(order).toEqual(["settle 2", "command", "settle 1", "record", "commit"]);
  });

  test("wakes those who wait for its keys after the commit, and nobody when it was undone", () => {
    const woken: [string, number][] = [];
    engine.listen((step) => woken.push(...step.woken));
    engine.step((step) => step.wake("job:1", 3));
    expect(() =>
      engine.step((step) => {
        step.wake("job:2");
        throw new Error("undone");
      }),
    ).toThrow();
    expect(woken).toEqual([["job:1", 3]]);
  });

  test("that wakes all who wait for a key wakes no fewer for what comes after", () => {
    const woken: [string, number][] = [];
    engine.listen((step) => woken.push(...step.woken));
    engine.step((step) => {
      step.wake("queue:a");
      step.wake("queue:a", 3);
      step.wake("queue:b", 3);
      step.wake("queue:b", 2);
    });
    expect(woken).toEqual([
      ["queue:a", Number.POSITIVE_INFINITY],
      ["queue:b", 3],
    ]);
  });
});

describe("an attempt", () => {
  const write = (word: string) =>
    engine.step((step) =>
      step.attempt(
        (trial) => {
          trial.sql.run("INSERT INTO words VALUES (?)", word);
          trial.get(COUNTER).value += 1;
          trial.beforeCommit(() => trial.sql.run("INSERT INTO words VALUES (?)", `${word} at the end`));
          return word.length;
        },
        (length) => length < 4,
      ),
    );

  test("that is kept is part of its step, with what it has put off", () => {
    expect(write("yes")).toBe(3);
    expect(written()).toEqual(["yes", "yes at the end"]);
    expect(engine.get(COUNTER).value).toBe(1);
  });

  test("that is not kept leaves its answer and nothing else", () => {
    expect(write("never")).toBe(5);
    expect(written()).toEqual([]);
    expect(engine.get(COUNTER).value).toBe(0);
  });

  test("goes on in its step when it was kept, and the step can still be undone whole", () => {
    const both = (fails: boolean) =>
      engine.step((step) => {
        step.attempt(
          (trial) => trial.sql.run("INSERT INTO words VALUES ('a')"),
          () => true,
        );
        step.get(COUNTER).value = 7;
        if (fails) throw new Error("undone");
      });
    expect(() => both(true)).toThrow("undone");
    expect([written(), engine.get(COUNTER).value]).toEqual([[], 0]);
    both(false);
    expect([written(), engine.get(COUNTER).value]).toEqual([["a"], 7]);
  });

  test("throws what the trial throws", () => {
    const throws = () =>
      engine.step((step) =>
        step.attempt(
          () => {
            throw new Error("a fault");
          },
          () => true,
        ),
      );
    expect(throws).toThrow("a fault");
  });

  test("comes first: what was done before it could not be undone with it", () => {
    const late = () =>
      engine.step((step) => {
        step.get(COUNTER).value = 1;
        step.attempt(
          () => 1,
          () => false,
        );
      });
    expect(late).toThrow("comes first");
    expect(engine.get(COUNTER).value).toBe(0);
  });
});

describe("the presence of rows", () => {
  const add = (word: string, fails = false) =>
    engine.step((step) => {
      step.get(WORDS).raise();
      step.sql.run("INSERT INTO words VALUES (?)", word);
      expect(step.get(WORDS).any).toBe(true);
      if (fails) throw new Error("undone");
    });

  test("is known at once where one is written, though it may be undone", () => {
    expect(engine.get(WORDS).any).toBe(false);
    expect(() => add("a", true)).toThrow("undone");
    expect([engine.get(WORDS).any, written()]).toEqual([true, []]);
    engine.step((step) => step.get(WORDS).recheck(step));
    expect(engine.get(WORDS).any).toBe(false);
  });

  test("ends with the last row, when its step has committed", () => {
    add("a");
    add("b");
    const remove = (word: string, fails = false) =>
      engine.step((step) => {
        step.sql.run("DELETE FROM words WHERE word = ?", word);
        step.get(WORDS).recheck(step);
        expect(step.get(WORDS).any).toBe(true);
        if (fails) throw new Error("undone");
      });
    remove("a");
    expect(engine.get(WORDS).any).toBe(true);
    expect(() => remove("b", true)).toThrow("undone");
    expect(engine.get(WORDS).any).toBe(true);
    remove("b");
    expect(engine.get(WORDS).any).toBe(false);
  });

  test("of a step that writes and removes them is what the rows say", () => {
    engine.step((step) => {
      step.get(WORDS).raise();
      step.sql.run("INSERT INTO words VALUES ('a')");
      step.sql.run("DELETE FROM words");
      step.get(WORDS).recheck(step);
    });
    expect(engine.get(WORDS).any).toBe(false);
  });
});
