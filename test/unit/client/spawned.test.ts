import { describe, expect, test } from "vitest";
import { Dure, type Handler } from "../../../client/src/index.ts";
import {
  type Answer,
  claimedJob,
  errorLog,
  FakeClock,
  fakeServer,
  problemBody,
  type SeenRequest,
  settle,
} from "../../rigs/client-fakes.ts";

type Sent = { lease: string; ok: boolean; spawn?: unknown[]; error?: { code: string; message: string } };

/** A worker that gets one job, and a server that answers reports as `script` says. */
function start(handler: Handler, script: (reports: Sent[]) => Answer | null) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const waiting = [claimedJob("a")];
  const sent: Sent[][] = [];
  const server = fakeServer(async ({ path, body }: SeenRequest) => {
    const { reports, wait = 0 } = body as { reports?: Sent[]; wait?: number };
    if (path !== "/v1/reports") {
      const jobs = waiting.splice(0);
      if (jobs.length === 0) await clock.sleep(wait * 1000);
      return { body: { jobs } };
    }
    sent.push(reports ?? []);
    const items = (reports ?? []).map(() => ({ status: "recorded" }));
    return script(reports ?? []) ?? { body: { items, jobs: [] } };
  });
  const dure = new Dure({ url: "http://dure", key: "k", fetch: server.fetch, clock, random: () => 1 });
  dure.worker("q", handler, { log: errorLog(errors) });
  return { clock, sent, errors };
}

const two: Handler = (_, { spawn }) => {
  const job = { queue: "next", payload: { n: 1 } };
  spawn(job);
  job.payload.n = 2;
  spawn({ payload: null });
  return "done";
};

describe("a worker's handler", () => {
  test("brings jobs with its success, as they were when it said so", async () => {
    const { sent } = start(two, () => null);
    await settle();
    const spawn = [{ queue: "next", payload: { n: 1 } }, { payload: null }];
    expect(sent.flat()).toEqual([{ lease: "lease-a", ok: true, result: "done", spawn }]);
  });

  test("brings none when it fails, and says nothing of them when it has none", async () => {
    const failing = start(
      (_, { spawn }) => {
        spawn({ payload: 1 });
        throw new Error("no");
      },
      () => null,
    );
    const plain = start(
      () => undefined,
      () => null,
    );
    await settle();
    expect(failing.sent.flat()).toEqual([
      { lease: "lease-a", ok: false, error: { code: "handler-error", message: "no", retryable: true } },
    ]);
    expect(plain.sent.flat()).toEqual([{ lease: "lease-a", ok: true, result: null }]);
  });

  test.each([
    [(spawn: (job: never) => void) => spawn({ payload: 1n } as never), "the spawned job is not JSON"],
    [
      (spawn: (job: never) => void) => {
        for (let i = 0; i <= 100; i++) spawn({ payload: i } as never);
      },
      "at most 100 jobs go with a success",
    ],
  ])("that brings what cannot be sent fails (%#)", async (bring, message) => {
    const { sent } = start(
      (_, { spawn }) => bring(spawn),
      () => null,
    );
    await settle();
    expect(sent.flat()).toMatchObject([{ ok: false, error: { message } }]);
  });

  test.each([
    [400, "invalid-request"],
    [403, "forbidden"],
    [404, "queue-not-found"],
    [413, "body-too-large"],
    [422, "timeout-too-long"],
  ])("whose jobs the server refuses with %i fails its attempt, and is not sent for ever", async (status, code) => {
    const refused = problemBody(status, code);
    const errors = [{ pointer: "/reports/0/spawn/0/queue", detail: "is not there" }];
    const body = { ...(refused.body as object), errors };
    const { sent, clock, errors: heard } = start(two, (reports) => (reports[0]?.ok ? { status, body } : null));
    await clock.advance(60_000);
    expect(sent.map(([report]) => report?.ok)).toEqual([true, true, false].slice(-sent.length));
    expect(sent.at(-1)).toEqual([
      {
        lease: "lease-a",
        ok: false,
        error: {
          code: "invalid-spawn",
          message: `${code} /reports/0/spawn/0/queue: is not there`,
          retryable: true,
        },
      },
    ]);
    expect(heard[0]).toMatchObject({ code });
  });

  test("whose queue went as the report came fails its attempt, too", async () => {
    const problem = problemBody(404, "queue-not-found").body;
    const { sent, clock, errors } = start(two, (reports) =>
      reports[0]?.ok ? { body: { items: [{ status: "refused", problem }], jobs: [] } } : null,
    );
    await clock.advance(60_000);
    expect(sent.at(-1)).toMatchObject([{ ok: false, error: { code: "invalid-spawn", message: "queue-not-found" } }]);
    expect(errors).toMatchObject([{ code: "queue-not-found" }]);
  });

  test("whose report got no answer sends it again, with its jobs", async () => {
    let calls = 0;
    const { sent, clock } = start(two, () => (++calls === 1 ? "no-answer" : null));
    await clock.advance(60_000);
    expect(sent.map(([report]) => report?.spawn?.length)).toEqual([2, 2]);
  });
});

test("one success by hand brings jobs, and is answered with their ids", async () => {
  const server = fakeServer(() => ({ body: { id: "job", spawned: ["child"] } }));
  const { leases } = new Dure({ url: "http://dure", key: "k", fetch: server.fetch });
  expect((await leases.succeed("l", 1, [{ payload: 2 }])).spawned).toEqual(["child"]);
  await leases.succeed("l", 1);
  expect(server.seen.map(({ body }) => body)).toEqual([
    { lease: "l", result: 1, spawn: [{ payload: 2 }] },
    { lease: "l", result: 1 },
  ]);
});
