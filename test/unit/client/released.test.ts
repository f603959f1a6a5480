import { describe, expect, test } from "vitest";
import { Dure, type Handler, NonRetryable } from "../../../client/src/index.ts";
import { type Answer, claimedJob, fakeServer, problemBody, settle } from "../../rigs/client-fakes.ts";
import { startWorker } from "../../rigs/worker-rig.ts";

/** A worker of one job whose reports are answered as `script` says, from the first on. */
function start(handler: Handler, script: (tries: number) => Answer | null = () => null) {
  let tries = 0;
  return startWorker([claimedJob("a")], { concurrency: 1, handler }, ({ path }) =>
    path === "/v1/reports" ? script(++tries) : null,
  );
}

describe("a handler that releases its job", () => {
  test("ends there, and the job is given back", async () => {
    let wentOn = false;
    const { reports, worker } = start((_, context) => {
      context.spawn({ payload: 1 });
      context.release({ delay: 30, reason: "the relay is being moved" });
      wentOn = true;
    });
    await settle();
    expect(reports()).toEqual([{ lease: "lease-a", ok: null, delay: 30, reason: "the relay is being moved" }]);
    expect([wentOn, worker.running]).toEqual([false, 0]);
  });

  test("may say nothing with it", async () => {
    const { reports } = start((_, context) => context.release());
    await settle();
    expect(reports()).toEqual([{ lease: "lease-a", ok: null }]);
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
    const { reports } = start((_, context) => {
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
    expect(reports()).toEqual([{ lease: "lease-a", ok: null, delay: 7 }]);
  });

  test("delivers before it what was said of its progress", async () => {
    const { server } = start(async (_, context) => {
      await context.progress({ checkpoint: { page: 7 } });
      context.release();
    });
    await settle();
    const paths = server.seen.map(({ path }) => path).filter((path) => !path.endsWith("/claim"));
    expect(paths).toEqual(["/v1/leases/extend", "/v1/reports"]);
  });

  test("has it sent until it is heard, and hears nothing of a first sending whose answer was lost", async () => {
    const stale = { status: "stale", problem: { status: 409, code: "stale-lease", title: "", detail: "", type: "" } };
    const { clock, reports, errors } = start(
      (_, context) => context.release(),
      (tries) => (tries < 3 ? "no-answer" : { body: { items: [stale], jobs: [] } }),
    );
    await clock.advance(20_000);
    expect(reports()).toHaveLength(3);
    // Two answers that were lost, and nothing of the report that came too late.
    expect(errors).toHaveLength(2);
  });

  test("has nothing left to give back when the lease is lost", async () => {
    const handler: Handler = async (_, context) => {
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      context.release();
    };
    const { clock, reports } = startWorker([claimedJob("a")], { concurrency: 1, handler }, ({ path }) =>
      path.endsWith("/extend") ? problemBody(409, "stale-lease") : null,
    );
    await clock.advance(20_000);
    expect(reports()).toEqual([]);
  });
});

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
