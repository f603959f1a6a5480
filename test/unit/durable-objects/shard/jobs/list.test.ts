import { describe, expect, test, vi } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import {
  CALL,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  PackHarness,
  RowHarness,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";

const EVERY: rpc.JobFilter = {
  queue: null,
  state: null,
  tag: null,
  orderingKey: null,
  createdAfter: null,
  createdBefore: null,
};
const NO_FIELDS = { payload: false, result: false, attempts: false };

function list(h: Harness, filter: Partial<rpc.JobFilter> = {}, over: Partial<rpc.ListRequest> = {}): rpc.ListReply {
  return h.core.list({
    ...CALL,
    namespace: "default",
    filter: { ...EVERY, ...filter },
    before: null,
    limit: 50,
    include: NO_FIELDS,
    ...over,
  });
}

/** Every page to the end. */
function walk(h: Harness, filter: Partial<rpc.JobFilter>, limit: number): { ids: string[]; pages: number } {
  const ids: string[] = [];
  for (let before: string | null = null, pages = 1; ; pages++) {
    const page = list(h, filter, { before, limit });
    ids.push(...idsOf(page.items));
    before = page.scannedTo;
    if (before === null) return { ids, pages };
  }
}

describe("a list", () => {
  test("comes newest first, in pages that miss none and repeat none", () => {
    const h = new Harness();
    const ids = Array.from({ length: 25 }, () => {
      h.now += 3;
      return h.accept();
    });
    expect(list(h, {}, { limit: 3 }).items).toHaveLength(3);
    expect(walk(h, {}, 10)).toEqual({ ids: ids.toReversed(), pages: 3 });
    expect(walk(h, {}, 25).ids).toEqual(ids.toReversed());
  });

  test("starts below the id it is given", () => {
    const h = new Harness();
    const ids = [h.accept(), h.accept(), h.accept()];
    expect(idsOf(list(h, {}, { before: ids[2] ?? null }).items)).toEqual([ids[1], ids[0]]);
    expect(list(h, {}, { before: ids[0] ?? null })).toEqual({ type: "page", items: [], scannedTo: null, gone: [] });
  });

  test("leaves out what was not asked for, and brings what was", () => {
    const h = new Harness();
    const id = h.accept({ payload: '"in"' });
    h.succeed(h.takeOne().lease, '"out"');
    const [bare] = list(h).items;
    expect(bare).toEqual({ ...h.get(id), payload: "null", result: null, attempts: [] });
    const [payload] = list(h, {}, { include: { ...NO_FIELDS, payload: true } }).items;
    expect([payload?.payload, payload?.result, payload?.attempts]).toEqual(['"in"', null, []]);
    const [result] = list(h, {}, { include: { ...NO_FIELDS, result: true } }).items;
    expect([result?.payload, result?.result]).toEqual(["null", '"out"']);
    const [full] = list(h, {}, { include: { payload: true, result: true, attempts: true } }).items;
    expect(full).toEqual(h.get(id));
  });

  test("shows a namespace its own jobs and no other's", () => {
    const h = new Harness();
    const tenant = settingsOf({ namespace: "tenant" });
    h.accept();
    const theirs = h.job({}, tenant);
    h.submit([theirs], { queues: [tenant] });
    expect(idsOf(list(h, {}, { namespace: "tenant" }).items)).toEqual([theirs.id]);
    expect(list(h, {}, { namespace: "nobody" })).toEqual({ type: "page", items: [], scannedTo: null, gone: [] });
    expect(list(h, { queue: "q" }, { namespace: "nobody" }).items).toEqual([]);
  });

  test("filters by queue, state, tag and ordering key, all together", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other" });
    const [a, b] = [h.accept({ tags: ["x", "y"], orderingKey: "k" }), h.accept({ tags: ["y"] })];
    const c = h.job({ tags: ["x"] }, other);
    h.submit([c], { queues: [other] });
    h.cancel(a);
    const found = (filter: Partial<rpc.JobFilter>) => idsOf(list(h, filter).items).sort();
    expect(found({})).toEqual([a, b, c.id].sort());
    expect(found({ queue: "q" })).toEqual([a, b].sort());
    expect(found({ queue: "nothing" })).toEqual([]);
    expect(found({ state: "queued" })).toEqual([b, c.id].sort());
    expect(found({ tag: "x" })).toEqual([a, c.id].sort());
    expect(found({ orderingKey: "k" })).toEqual([a]);
    expect(found({ queue: "q", state: "cancelled", tag: "x", orderingKey: "k" })).toEqual([a]);
    expect(found({ queue: "other", state: "cancelled" })).toEqual([]);
  });

  test("between two times takes neither end, by the shard's clock", () => {
    const h = new Harness();
    const ids = Array.from({ length: 5 }, () => {
      const id = h.accept();
      h.now += MINUTE;
      return id;
    });
    const filter = { createdAfter: START + MINUTE, createdBefore: START + 4 * MINUTE };
    expect(idsOf(list(h, filter).items)).toEqual([ids[3], ids[2]]);
    expect(walk(h, filter, 1).ids).toEqual([ids[3], ids[2]]);
    expect(idsOf(list(h, { createdAfter: START + HOUR }).items)).toEqual([]);
    expect(idsOf(list(h, { createdBefore: START }).items)).toEqual([]);
  });

  test("finds a job whose id was made by a clock that is half a minute off", () => {
    const h = new Harness();
    for (const skew of [-30 * SECOND, 30 * SECOND]) {
      h.now += skew;
      const job = h.job();
      h.now -= skew;
      h.submit([job]);
    }
    const filter = { createdAfter: START - 1, createdBefore: START + 1 };
    expect(list(h, filter).items).toHaveLength(2);
  });

  test("with a filter that matches nothing ends each page at the scan limit, and says where it came to", {
    timeout: 60_000,
  }, () => {
    const h = new RowHarness({ target: { type: "pull" } });
    for (let i = 0; i < 6; i++) h.submit(h.jobs(1000));
    const rare = h.accept({ tags: ["rare"] });
    h.submit(h.jobs(500));
    const first = list(h, { tag: "nothing" });
    expect(first.items).toEqual([]);
    expect(first.scannedTo).not.toBeNull();
    expect(walk(h, { tag: "nothing" }, 50)).toEqual({ ids: [], pages: 14 });
    expect(walk(h, { tag: "rare" }, 50)).toEqual({ ids: [rare], pages: 14 });
  });

  test("passes over packs that have nothing of what is looked for, and reads none of them", () => {
    const h = new PackHarness({ target: { type: "pull" } });
    h.submit(h.jobs(1000));
    const rare = h.jobs(2, { tags: ["rare"] });
    h.submit(rare);
    h.submit(h.jobs(1000));
    const running = h.take(3).map(({ id }) => id);
    const newestFirst = idsOf(rare).toReversed();
    h.restart();
    const all = vi.spyOn(h.sql, "all");
    const packsRead = () => all.mock.calls.splice(0).filter(([query]) => query.includes("FROM packs")).length;
    expect(walk(h, { tag: "nothing" }, 50)).toEqual({ ids: [], pages: 1 });
    expect(walk(h, { state: "succeeded" }, 50)).toEqual({ ids: [], pages: 1 });
    expect(packsRead()).toBe(0);
    expect(walk(h, { tag: "rare" }, 50)).toEqual({ ids: newestFirst, pages: 1 });
    expect(packsRead()).toBeLessThan(5);
    expect(walk(h, { state: "running" }, 50)).toEqual({ ids: running.toSorted().toReversed(), pages: 1 });
    expect(packsRead()).toBeLessThan(5);
  });

  test("finds each of the jobs whose packs have tags of their own, in every state", () => {
    const h = new PackHarness({ target: { type: "pull" } });
    for (let i = 0; i < 40; i++) h.submit(h.jobs(3, { tags: [i % 2 === 0 ? "even" : "odd"] }));
    const taken = h.take(30);
    for (const { lease } of taken.slice(0, 20)) h.succeed(lease);
    const every = h.rows();
    for (const state of ["queued", "running", "succeeded"] as const) {
      for (const tag of ["even", "odd"]) {
        const expected = every.filter((row) => row.state === state && row.spec.includes(tag)).map(({ id }) => id);
        expect(walk(h, { state, tag }, 7).ids).toEqual(expected.toSorted().toReversed());
      }
    }
  });

  test("keeps a page of long payloads under what one RPC may carry", () => {
    const h = new Harness();
    const payload = JSON.stringify("x".repeat(256 * 1024 - 2));
    h.submit(h.jobs(60, { payload }));
    const include = { ...NO_FIELDS, payload: true };
    const page = list(h, {}, { limit: 200, include });
    expect(page.items.length).toBeLessThan(60);
    expect(page.scannedTo).toBe(page.items.at(-1)?.id);
    const rest = list(h, {}, { limit: 200, include, before: page.scannedTo });
    expect(page.items.length + rest.items.length).toBe(60);
  });
});
