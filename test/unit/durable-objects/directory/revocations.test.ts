import { expect, test } from "vitest";
import { DIRECTORY_MIGRATIONS } from "../../../../durable-objects/directory/migrations.ts";
import { RevocationStore } from "../../../../durable-objects/directory/revocations.ts";
import { migrate } from "../../../../durable-objects/migrate.ts";
import { openSql } from "../../../simulation/node-sqlite.ts";

const HOUR = 3_600_000;
const T = 10 * HOUR;

function opened(max?: number) {
  const sql = openSql();
  migrate(sql, DIRECTORY_MIGRATIONS);
  const store = new RevocationStore(sql, max);
  const known = (now: number) => store.recent(now).keys.map(({ keyId }) => keyId);
  return { sql, store, known };
}

test("a revocation is remembered for an hour, also when the object started anew", () => {
  const { sql, store, known } = opened();
  store.note({ namespace: "a", keyId: "k1" }, T);
  store.note({ namespace: "b", keyId: "k1" }, T + 1);
  expect(store.recent(T + 2).keys).toEqual([
    { namespace: "a", keyId: "k1" },
    { namespace: "b", keyId: "k1" },
  ]);
  expect(new RevocationStore(sql).recent(T + HOUR - 1).keys).toHaveLength(2);
  expect(known(T + HOUR)).toEqual(["k1"]);
  expect(store.recent(T + HOUR).completeSince).toBe(T);
});

test("noting it again renews it, and is one row", () => {
  const { sql, store, known } = opened();
  for (const at of [T, T + 1, T + HOUR - 1]) store.note({ namespace: "a", keyId: "k" }, at);
  expect(known(T + HOUR + 1)).toEqual(["k"]);
  expect(sql.all("SELECT * FROM revocations")).toHaveLength(1);
});

test("what is over is deleted by the next one", () => {
  const { sql, store } = opened();
  for (let i = 0; i < 5; i++) store.note({ namespace: "a", keyId: `k${i}` }, T + i);
  store.note({ namespace: "a", keyId: "late" }, T + 2 * HOUR);
  expect(sql.all("SELECT key_id FROM revocations")).toEqual([{ key_id: "late" }]);
});

test("more than there is room for: the oldest are forgotten, and it is said since when all are there", () => {
  const { sql, store, known } = opened(3);
  for (let i = 0; i < 3; i++) store.note({ namespace: "a", keyId: `k${i}` }, T + i);
  expect(store.recent(T + 3).completeSince).toBe(T + 3 - HOUR);
  store.note({ namespace: "a", keyId: "k3" }, T + 3);
  expect(known(T + 3)).toEqual(["k1", "k2", "k3"]);
  expect(store.recent(T + 3).completeSince).toBe(T);
  const restarted = new RevocationStore(sql, 3);
  expect(restarted.recent(T + 3).completeSince).toBe(T);
  restarted.note({ namespace: "a", keyId: "k4" }, T + 4);
  expect(restarted.recent(T + 4)).toMatchObject({ completeSince: T + 1, keys: { length: 3 } });
});
