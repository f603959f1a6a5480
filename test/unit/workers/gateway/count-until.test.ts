import { expect, test } from "vitest";
import { CountUntil } from "../../../../workers/gateway/count-until.ts";

const NOW = 1_000_000;

test("what is counted counts until it says that it has ended, and once", () => {
  const count = new CountUntil();
  const [first] = [count.add(NOW + 30_000), count.add(NOW + 30_000)];
  expect(count.at(NOW)).toBe(2);
  first();
  first();
  expect(count.at(NOW)).toBe(1);
});

test("of which nothing is heard any more counts until its time is over, and takes nothing away when it is heard of after all", () => {
  const count = new CountUntil();
  const late = count.add(NOW + 5_000);
  count.add(NOW + 60_000);
  expect([count.at(NOW + 5_000), count.at(NOW + 7_000)]).toEqual([2, 1]);
  late();
  expect([count.at(NOW + 7_000), count.at(NOW + 62_000)]).toEqual([1, 0]);
});

test("a clock that steps back counts nothing twice", () => {
  const count = new CountUntil();
  count.add(NOW + 5_000);
  expect([count.at(NOW + 7_000), count.at(NOW)]).toEqual([0, 0]);
  count.add(NOW + 5_000);
  expect(count.at(NOW)).toBe(1);
});
