import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { ClusterView } from "../../contract/admin.ts";
import { initialMap } from "../../domain/slots.ts";
import { must } from "./api.ts";

it("the cluster's map is told with its ranges as pairs, every slot in one of them", async () => {
  const view = ClusterView.parse(await must("GET", "/v1/cluster"));
  const { shards } = initialMap(Number(env.SHARDS));
  const expected = shards.map(({ id, slots }) => ({ id, slots: slots.map(({ from, to }) => [from, to]) }));
  expect(view.shards.map(({ id, slots }) => ({ id, slots }))).toEqual(expected);
  const owned = view.shards.flatMap(({ slots }) => slots).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  expect([view.epoch, owned]).toEqual([1, view.slots]);
});
