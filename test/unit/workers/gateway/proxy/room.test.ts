import { describe, expect, test } from "vitest";
import { Room } from "../../../../../workers/gateway/proxy/room.ts";

/** A room in which time passes while somebody sleeps, and with so many places. */
function rig(places: number) {
  const state = { now: 1_000_000, places };
  const sleepers: { at: number; wake: () => void }[] = [];
  const room = new Room({
    now: () => state.now,
    sleep: (ms) => new Promise((wake) => sleepers.push({ at: state.now + ms, wake })),
  });
  const enter = (name: string, more: { maxWaiting?: number; patienceMs?: number; gone?: AbortSignal } = {}) =>
    room.enter({
      maxWaiting: 10,
      patienceMs: 1_000,
      gone: new AbortController().signal,
      take: () => {
        if (state.places === 0) return null;
        state.places--;
        return name;
      },
      ...more,
    });
  const pass = async (ms: number) => {
    for (const end = state.now + ms; ; ) {
      await Promise.resolve();
      await new Promise(setImmediate);
      const next = sleepers.sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) {
        state.now = end;
        return;
      }
      sleepers.shift();
      state.now = next.at;
      next.wake();
    }
  };
  /** The runtime ends every request that waits, and nothing of it runs any more. */
  const drop = () => sleepers.splice(0);
  return { room, state, enter, pass, drop };
}

describe("the line", () => {
  test("who comes while there is room does not wait", async () => {
    const { enter } = rig(1);
    expect(await enter("first")).toBe("first");
  });

  test("others wait, and go in the order in which they came", async () => {
    const { room, state, enter, pass } = rig(0);
    const gone: string[] = [];
    for (const name of ["a", "b", "c"]) void enter(name).then((taken) => gone.push(taken ?? "none"));
    await pass(50);
    expect(room.waiting(state.now)).toBe(3);
    state.places = 2;
    await pass(50);
    expect(gone).toEqual(["a", "b"]);
    state.places = 1;
    await pass(50);
    expect(gone).toEqual(["a", "b", "c"]);
    expect(room.waiting(state.now)).toBe(0);
  });

  test("who comes later does not pass those who wait", async () => {
    const { state, enter, pass } = rig(0);
    const gone: string[] = [];
    void enter("a").then((taken) => gone.push(taken ?? "none"));
    await pass(20);
    state.places = 1;
    void enter("b").then((taken) => gone.push(taken ?? "none"));
    await pass(20);
    expect(gone).toEqual(["a"]);
  });

  test("no more wait than may, and nobody longer than it is patient", async () => {
    const { state, enter, pass } = rig(0);
    const began = state.now;
    const waits = enter("a", { maxWaiting: 1, patienceMs: 200 });
    expect(await enter("b", { maxWaiting: 1 })).toBeNull();
    expect(await enter("c", { maxWaiting: 0 })).toBeNull();
    await pass(300);
    expect(await waits).toBeNull();
    expect(state.now - began).toBe(300);
  });

  test("who has gone is in the line no more, takes no place, and is told at its next look", async () => {
    const { room, state, enter, pass } = rig(0);
    const leaving = new AbortController();
    const waits = enter("gone", { gone: leaving.signal });
    await pass(20);
    expect(room.waiting(state.now)).toBe(1);
    leaving.abort();
    expect(room.waiting(state.now)).toBe(0);
    state.places = 1;
    await pass(20);
    expect(await waits).toBeNull();
    expect(await enter("gone before", { gone: leaving.signal })).toBeNull();
    expect(state.places).toBe(1);
  });

  test("those that the runtime has ended keep nobody behind them", async () => {
    const { room, state, enter, pass, drop } = rig(0);
    void enter("gone");
    await pass(20);
    drop();
    const waits = enter("b", { patienceMs: 5_000 });
    state.places = 1;
    await pass(400);
    expect(room.waiting(state.now)).toBe(2);
    await pass(200);
    expect(await waits).toBe("b");
    expect(room.waiting(state.now)).toBe(0);
  });
});
