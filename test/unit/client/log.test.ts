import { describe, expect, test, vi } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { claimedJob, FakeClock, fakeServer, settle } from "../../rigs/client-fakes.ts";

describe("the log of a worker", () => {
  test("is the console, which hears of a handler that failed", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const info = vi.spyOn(console, "info").mockReturnValue();
    const failure = new Error("no luck");
    const clock = new FakeClock();
    const jobs = [claimedJob("a")];
    const { fetch } = fakeServer(async ({ path }) => {
      if (!path.endsWith("/claim")) return { body: { items: [{ status: "recorded" }], jobs: [] } };
      if (jobs.length === 0) await clock.sleep(10_000);
      return { body: { jobs: jobs.splice(0) } };
    });
    const handler = () => {
      throw failure;
    };
    new Dure({ url: "http://dure", key: "k", fetch, clock }).worker("q", handler);
    await settle();
    expect(info).toHaveBeenCalledWith("dure: claims jobs of the queue q at http://dure, 10 at once");
    expect(warn).toHaveBeenCalledWith("dure: attempt 1 of the job a has failed:", failure);
    vi.restoreAllMocks();
  });
});
