import { describe, expect, test } from "vitest";
import { slotOf } from "../../../../../domain/slots.ts";
import { CALL, DAY, Harness, SECOND } from "../../../../rigs/shard-harness.ts";

const record = (over: object = {}) => ({
  ...CALL,
  namespace: "default",
  key: "k",
  slot: slotOf("default", "batch-key/k", 0),
  hash: "h",
  seed: "a".repeat(32),
  ...over,
});

describe("the record of a batch's idempotency key", () => {
  test("keeps the seed that came first, over a restart too", () => {
    const h = new Harness();
    const opened = { type: "opened", seed: "a".repeat(32), madeAt: h.now, answer: null };
    expect(h.core.openBatch(record())).toEqual(opened);
    h.now += SECOND;
    h.restart();
    expect(h.core.openBatch(record({ seed: "b".repeat(32) }))).toEqual(opened);
  });

  test("is a mismatch for another batch, and another namespace's is another record", () => {
    const h = new Harness();
    h.core.openBatch(record());
    expect(h.core.openBatch(record({ hash: "other" }))).toEqual({ type: "mismatch" });
    expect(h.core.openBatch(record({ namespace: "n", hash: "other" }))).toMatchObject({
      type: "opened",
      madeAt: h.now,
    });
  });

  test("holds the first answer for a day", () => {
    const h = new Harness();
    h.core.openBatch(record());
    h.core.closeBatch({ ...record(), answer: "one" });
    h.core.closeBatch({ ...record(), answer: "two" });
    h.core.closeBatch({ ...record(), answer: null });
    h.advance(DAY - SECOND);
    expect(h.core.openBatch(record())).toMatchObject({ answer: "one" });
    h.advance(2 * SECOND);
    expect(h.count("batches")).toBe(0);
    expect(h.core.openBatch(record({ hash: "other" }))).toMatchObject({ type: "opened", answer: null });
  });

  test("is forgotten when nothing of the batch was accepted", () => {
    const h = new Harness();
    h.core.openBatch(record());
    h.core.closeBatch({ ...record(), answer: null });
    expect(h.core.openBatch(record({ hash: "other" }))).toMatchObject({ type: "opened" });
  });

  test("belongs to the shard that owns its slot", () => {
    const map = { epoch: 2, shards: [{ id: "shard-1", slots: [{ from: 0, to: 4095 }] }] };
    const h = new Harness();
    h.core.adopt(map);
    expect(h.core.openBatch(record())).toEqual({ type: "moved", map });
    expect(h.core.closeBatch({ ...record(), answer: "x" })).toEqual({ type: "moved", map });
  });
});
