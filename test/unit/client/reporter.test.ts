import { describe, expect, test } from "vitest";
import type { DureError } from "../../../client/src/index.ts";
import { claimedJob, problemBody, settle } from "../../rigs/client-fakes.ts";
import { startWorker } from "../../rigs/worker-rig.ts";

describe("when the network fails", () => {
  test("a report whose answer was lost is sent again, and its being stale is no error", async () => {
    let lost = 0;
    const { clock, worker, reports, errors } = startWorker([claimedJob("a")], {}, ({ path, body }) => {
      if (path !== "/v1/reports") return null;
      if (lost++ < 2) return "no-answer";
      const { body: problem } = problemBody(409, "stale-lease");
      return {
        body: { items: (body as { reports: unknown[] }).reports.map(() => ({ status: "stale", problem })), jobs: [] },
      };
    });
    await clock.advance(10_000);
    expect(reports()).toEqual(Array(3).fill({ lease: "lease-a", ok: true, result: null }));
    expect(errors.map((error) => (error as DureError).code)).toEqual(["network", "network"]);
    expect(worker.running).toBe(0);
  });

  test("an outcome that rode on a claim whose answer was lost is sent again, alone and at once", async () => {
    const { server, reports } = startWorker([claimedJob("a"), claimedJob("b")], { concurrency: 1 }, ({ path, body }) =>
      path === "/v1/reports" && "claim" in (body as object) ? "no-answer" : null,
    );
    await settle();
    expect(server.seen.slice(1)).toMatchObject([{ body: { claim: { queue: "q" } } }, { path: "/v1/reports" }]);
    expect(reports()).toEqual(Array(2).fill({ lease: "lease-a", ok: true, result: null }));
  });

  test("a stale first report is told", async () => {
    const { errors } = startWorker([claimedJob("a")], {}, ({ path }) =>
      path === "/v1/reports"
        ? { body: { items: [{ status: "stale", problem: problemBody(409, "stale-lease").body }], jobs: [] } }
        : null,
    );
    await settle();
    expect(errors).toMatchObject([{ code: "stale-lease" }]);
  });

  test("claims go on after a growing pause, and after what Retry-After asks", async () => {
    let calls = 0;
    const { clock, server, reports } = startWorker([claimedJob("a")], {}, ({ path }) => {
      if (!path.endsWith("/claim")) return null;
      calls++;
      if (calls <= 2) return "no-answer";
      return calls === 3 ? { ...problemBody(503, "unavailable"), headers: { "retry-after": "7" } } : null;
    });
    await clock.advance(200 + 400 - 1);
    expect(server.seen).toHaveLength(2);
    await clock.advance(1);
    expect(server.seen).toHaveLength(3);
    await clock.advance(7000 + 800 - 1);
    expect(server.seen).toHaveLength(3);
    await clock.advance(1);
    expect(reports()).toHaveLength(1);
  });

  test("a refused report does not hold back the others", async () => {
    const { clock, reports, server } = startWorker(
      [claimedJob("a"), claimedJob("bad"), claimedJob("c")],
      {},
      ({ path, body }) =>
        path === "/v1/reports" && JSON.stringify(body).includes("lease-bad")
          ? problemBody(400, "invalid-request")
          : null,
    );
    await clock.advance(60_000);
    const good = server.seen.filter(
      ({ path, body }) => path === "/v1/reports" && !JSON.stringify(body).includes("bad"),
    );
    expect(
      good.flatMap(({ body }) => (body as { reports: { lease: string }[] }).reports.map(({ lease }) => lease)),
    ).toEqual(["lease-a", "lease-c"]);
    const before = reports().length;
    await clock.advance(60_000);
    expect(reports()).toHaveLength(before);
  });
});
