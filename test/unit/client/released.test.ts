import { describe, expect, test } from "vitest";
import { Dure, type Handler, NonRetryable } from "../../../client/src/index.ts";
import { type Answer, claimedJob, fakeServer, problemBody, settle } from "../../rigs/client-fakes.ts";
import { startWorker } from "../../rigs/worker-rig.ts";

/** A worker of one job whose releases are answered as `script` says, from the first on. */
function start(handler: Handler, script: (tries: number) => Answer | null = () => null) {
  let tries = 0;
  const rig = startWorker([claimedJob("a")], { concurrency: 1, handler }, ({ path }) =>
    path.endsWith("/release") ? script(++tries) : null,
  );
  const releases = () => rig.server.seen.filter(({ path }) => path.endsWith("/release")).map(({ body }) => body);
  return { ...rig, releases };
}

describe("a handler that releases its job", () => {
  test("ends there, and the job is given back instead of reported", async () => {
    let wentOn = false;
    const { releases, reports, worker } = start((_, context) => {
      context.spawn({ payload: 1 });
      context.release({ delay: 30, reason: "the relay is being moved" });
      wentOn = true;
    });
    await settle();
    expect(releases()).toEqual([{ lease: "lease-a", delay: 30, reason: "the relay is being moved" }]);
    expect(reports()).toEqual([]);
    expect([wentOn, worker.running]).toEqual([false, 0]);
  });

  test("may say nothing with it", async () => {
    const { releases } = start((_, context) => context.release());
    await settle();
    expect(releases()).toEqual([{ lease: "lease-a" }]);
  });

  test.each<[string, () => unknown]>([
    ["returns", () => "done"],
    [
      "throws another error",
      () => {
        throw new NonRetryable("no");
      },
    ],
  ])("and then %s has released it all the same, as it said first", async (_, then) => {
    const { releases, reports } = start((_, context) => {
      for (const delay of [7, 8]) {
        try {
          context.release({ delay });
        } catch {
          // A handler may catch whatever it likes.
        }
      }
      return then();
    });
    await settle();
    expect(releases()).toEqual([{ lease: "lease-a", delay: 7 }]);
    expect(reports()).toEqual([]);
  });

  test("delivers before it what was said of its progress", async () => {
    const { server } = start(async (_, context) => {
      await context.progress({ checkpoint: { page: 7 } });
      context.release();
    });
    await settle();
    const paths = server.seen.map(({ path }) => path).filter((path) => path.startsWith("/v1/leases/"));
    expect(paths).toEqual(["/v1/leases/extend", "/v1/leases/release"]);
  });

  test("tries three times where there is no answer, and no more once there is one", async () => {
    const lost = start(
      (_, context) => context.release(),
      () => "no-answer",
    );
    await lost.clock.advance(10_000);
    expect(lost.releases()).toHaveLength(3);
    const busy = start(
      (_, context) => context.release(),
      (tries) => (tries === 1 ? problemBody(429, "too-many-requests") : null),
    );
    await busy.clock.advance(10_000);
    expect(busy.releases()).toHaveLength(2);
    const heard = start(
      (_, context) => context.release(),
      (tries) => (tries === 1 ? "no-answer" : problemBody(409, "stale-lease")),
    );
    await heard.clock.advance(10_000);
    expect(heard.releases()).toHaveLength(2);
    expect(heard.reports()).toEqual([]);
  });

  test("has nothing left to give back when the lease is lost", async () => {
    const { clock, releases, reports } = startLost();
    await clock.advance(20_000);
    expect([releases(), reports()]).toEqual([[], []]);
  });
});

/** A worker whose first heartbeat finds the lease gone, and whose handler then releases. */
function startLost() {
  const handler: Handler = async (_, context) => {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    context.release();
  };
  const rig = startWorker([claimedJob("a")], { concurrency: 1, handler }, ({ path }) =>
    path.endsWith("/extend") ? problemBody(409, "stale-lease") : null,
  );
  const releases = () => rig.server.seen.filter(({ path }) => path.endsWith("/release"));
  return { ...rig, releases };
}

test("release(lease) is a call of its own too, sent again after a lost answer", async () => {
  let tries = 0;
  const { fetch, seen } = fakeServer(() => (++tries === 1 ? "no-answer" : { body: { id: "a", state: "queued" } }));
  const dure = new Dure({ url: "http://dure", key: "k", fetch, random: () => 0 });
  expect(await dure.leases.release("lease_x", { delay: 5 })).toMatchObject({ id: "a" });
  expect(seen.map(({ path, body }) => [path, body])).toEqual([
    ["/v1/leases/release", { lease: "lease_x", delay: 5 }],
    ["/v1/leases/release", { lease: "lease_x", delay: 5 }],
  ]);
});
