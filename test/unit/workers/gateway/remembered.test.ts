import { expect, test } from "vitest";
import { Remembered } from "../../../../workers/gateway/remembered.ts";

/** A clock that moves when it is told to, and an answer that comes when it is told to. */
class Rig {
  now = 1_000;
  asked = 0;
  #waiting: ((answer: number) => void)[] = [];
  readonly remembered = new Remembered<number>(
    1_000,
    {
      now: () => this.now,
      sleep: async (ms) => {
        this.now += ms;
      },
    },
    (answer) => answer >= 0,
  );

  get(): Promise<number> {
    return this.remembered.get(() => {
      this.asked += 1;
      return new Promise((resolve) => this.#waiting.push(resolve));
    });
  }

  answer(value: number): void {
    for (const resolve of this.#waiting.splice(0)) resolve(value);
  }
}

test("an answer is handed out for its time, and asked for anew after it, also when the clock steps back", async () => {
  const rig = new Rig();
  const first = rig.get();
  rig.answer(1);
  expect([await first, await rig.get(), rig.asked]).toEqual([1, 1, 1]);
  rig.now += 999;
  expect([await rig.get(), rig.asked]).toEqual([1, 1]);
  for (const moved of [1, -5_000]) {
    rig.now += moved;
    const next = rig.get();
    rig.answer(2);
    await next;
  }
  expect(rig.asked).toBe(3);
});

test("two ask at once, and the others get the last answer", async () => {
  const rig = new Rig();
  const first = rig.get();
  rig.answer(1);
  await first;
  rig.now += 1_000;
  const asking = [rig.get(), rig.get()];
  expect(await Promise.all([rig.get(), rig.get(), rig.get()])).toEqual([1, 1, 1]);
  rig.answer(2);
  expect([await Promise.all(asking), rig.asked]).toEqual([[2, 2], 3]);
});

test("without a last answer the others wait for the one that is asked for", async () => {
  const rig = new Rig();
  const asking = [rig.get(), rig.get(), rig.get()];
  rig.answer(1);
  expect([await Promise.all(asking), rig.asked]).toEqual([[1, 1, 1], 2]);
});

test("those whose requests were given up keep nobody from asking for long", async () => {
  const rig = new Rig();
  void rig.get();
  void rig.get();
  rig.now += 10_000;
  const third = rig.get();
  rig.answer(3);
  expect([await third, rig.asked]).toEqual([3, 3]);
});

test("what is not worth it is not remembered", async () => {
  const rig = new Rig();
  for (let i = 1; i <= 2; i++) {
    const asking = rig.get();
    rig.answer(-1);
    expect([await asking, rig.asked]).toEqual([-1, i]);
  }
});
