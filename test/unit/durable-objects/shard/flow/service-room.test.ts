import { expect, test } from "vitest";
import type { ServiceOffer } from "../../../../../contract/rpc/service.ts";
import type { WorkReply } from "../../../../../contract/rpc.ts";
import { PUSH_TYPES } from "../../../../../domain/target.ts";
import { Harness, settingsOf } from "../../../../rigs/shard-harness.ts";

const target = (service: string) => ({ type: "service", service, path: "/" }) as const;
const HOOK = { type: "http", url: "https://a.example/", headers: {} } as const;

/** A shard with twenty jobs of each of these queues, which are named by their namespaces and targets. */
function rig(...queues: [namespace: string, to: ReturnType<typeof target> | typeof HOOK][]): Harness {
  const h = new Harness({ target: { type: "pull" } });
  for (const [namespace, to] of queues) {
    const queue = settingsOf({ name: to.type === "http" ? "hooks" : to.service, namespace, target: to });
    h.submit(
      Array.from({ length: 20 }, () => h.job({}, queue)),
      { queues: [queue] },
    );
  }
  return h;
}

function come(h: Harness, http: number, ...services: ServiceOffer[]): WorkReply {
  return h.work({ types: PUSH_TYPES, room: { handler: 0, http }, services });
}

const has = (service: string, permits: number, namespace = "default"): ServiceOffer => ({
  namespace,
  service,
  permits,
});
const started = ({ items }: WorkReply) => {
  const counts: Record<string, number> = {};
  for (const { queue } of items) counts[queue] = (counts[queue] ?? 0) + 1;
  return counts;
};
const asked = ({ services = [] }: WorkReply) =>
  Object.fromEntries(services.map(({ namespace, service, jobs }) => [`${namespace}/${service}`, jobs]));

test("services of several tenants and queues share what is to be asked for as they would share the room", () => {
  const h = rig(["default", target("a")], ["default", target("b")], ["acme", target("a")]);
  expect(asked(come(h, 8))).toEqual({ "default/a": 2, "default/b": 2, "acme/a": 4 });
});

test("what there are permits for starts, and the rest of the room is left for what is to be asked for", () => {
  const h = rig(["default", target("a")], ["acme", HOOK]);
  const reply = come(h, 6, has("a", 1));
  expect(started(reply)).toEqual({ a: 1, hooks: 3 });
  expect(asked(reply)).toEqual({ "default/a": 2 });
});

test("no more starts than there are permits for, of all queues of a service together", () => {
  const h = rig(["default", target("a")]);
  const other = settingsOf({ name: "other", target: target("a") });
  h.submit(
    Array.from({ length: 20 }, () => h.job({}, other)),
    { queues: [other] },
  );
  const reply = come(h, 6, has("a", 3));
  expect(reply.items).toHaveLength(3);
  expect(asked(reply)).toEqual({ "default/a": 3 });
  expect(come(h, 100, has("a", 30)).items).toHaveLength(30);
});

test("permits of a service are for that one, and for that namespace", () => {
  const h = rig(["default", target("a")]);
  expect(come(h, 6, has("b", 6), has("a", 6, "acme")).items).toEqual([]);
});

test("who has no connection is told of no service, and who leaves neither", () => {
  const h = rig(["default", target("a")]);
  expect(h.work({ types: PUSH_TYPES, room: { handler: 5, http: 0 } })).not.toHaveProperty("services");
  expect(come(h, 0)).not.toHaveProperty("services");
});

test("limits of the queue hold for what is to be asked for", () => {
  const h = new Harness({ name: "mails", target: target("a"), concurrency: 2 });
  h.submit(h.jobs(9));
  expect(asked(come(h, 6))).toEqual({ "default/a": 2 });
  expect(come(h, 6, has("a", 6)).items).toHaveLength(2);
  expect(come(h, 6)).not.toHaveProperty("services");
});
