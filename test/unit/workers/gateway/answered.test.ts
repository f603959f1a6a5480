import { expect, test } from "vitest";
import { WaitingClient } from "../../../../workers/gateway/answered.ts";

/** A client at the end of a connection which takes `taken` writes yet. */
function clientOf(taken: number) {
  let writes = 0;
  const client = new WaitingClient(async () => {
    writes += 1;
    if (writes > taken) throw new Error("The connection was lost.");
  });
  const told: string[] = [];
  client.onLeave(() => told.push("left"));
  return { client, told, writes: () => writes };
}

test("a client takes what is written to it, and is there", async () => {
  const { client, told } = clientOf(100);
  expect([await client.isThere(), client.left, told]).toEqual([true, false, []]);
});

test.each([0, 1])(
  "one whose connection takes %i writes more has left, and whoever is to hear of it does, once",
  async (n) => {
    const { client, told } = clientOf(n);
    expect([await client.isThere(), client.left, told]).toEqual([false, true, ["left"]]);
    client.leave();
    expect(told).toEqual(["left"]);
  },
);

test("nothing is written to one that is known to have left, and who asks late is told at once", async () => {
  const { client, told, writes } = clientOf(100);
  client.leave();
  expect([await client.isThere(), writes()]).toEqual([false, 0]);
  client.onLeave(() => told.push("late"));
  expect(told).toEqual(["left", "late"]);
});
