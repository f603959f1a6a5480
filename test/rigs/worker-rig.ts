import { Dure, type Handler, type WorkerOptions } from "../../client/src/index.ts";
import { type Answer, errorLog, FakeClock, fakeServer, type SeenRequest } from "./client-fakes.ts";

/** A worker of a queue whose jobs are handed out by claims; an empty claim is held until the clock reaches its wait. */
export function startWorker(
  jobs: Record<string, unknown>[],
  options: WorkerOptions & { handler?: Handler },
  script: (request: SeenRequest) => Answer | null = () => null,
) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const waiting = [...jobs];
  const give = (claim: { max: number }) => waiting.splice(0, claim.max);
  const server = fakeServer(async (request) => {
    const scripted = script(request);
    if (scripted !== null) return scripted;
    const body = request.body as { max: number; wait?: number; reports: unknown[]; claim?: { max: number } };
    if (request.path.endsWith("/claim")) {
      if (waiting.length === 0) await clock.sleep((body.wait ?? 0) * 1000);
      return { body: { jobs: give(body) } };
    }
    if (request.path === "/v1/reports") {
      return {
        body: { items: body.reports.map(() => ({ status: "recorded" })), jobs: body.claim ? give(body.claim) : [] },
      };
    }
    return { body: { leaseExpiresAt: "2026-12-01T00:00:00Z", cancelled: false } };
  });
  const dure = new Dure({ url: "http://dure", key: "k", fetch: server.fetch, clock, random: () => 1 });
  const { handler = () => undefined, ...rest } = options;
  const worker = dure.worker("q", handler, { log: errorLog(errors), ...rest });
  const reports = () =>
    server.seen
      .filter(({ path }) => path === "/v1/reports")
      .flatMap(({ body }) => (body as { reports: unknown[] }).reports);
  const heartbeats = () => server.seen.filter(({ path }) => path.endsWith("/extend"));
  return { clock, server, worker, errors, reports, heartbeats };
}
