import { expect, test } from "vitest";
import { slotOf } from "../../../domain/slots.ts";
import { Harness, only } from "../../rigs/shard-harness.ts";
import { filesRunBy } from "./coverage.ts";

/** The shard's own code; the rules that it asks, the harness and its SQL are left out. */
const COUNTED = ["durable-objects/shard/"];

// A report notes that the worker of a claim says which jobs it has begun (`jobs/begun-claims.ts`), and counts what history lacks as it goes (`jobs/unprojected.ts`, `kernel/kept-counts.ts`), so that nobody counts it anew.
// What throws over a row is contained by `kernel/quarantine.ts`, and a report looks whether its row can be read (`kernel/probe.ts`).
// What waits is kept by queue, so that a step asks only the queues that it touched (`doorbells/demand.ts`).
// A plain job lies in a pack: rows and packs are two stores behind one (`jobs/job-store.ts`), and what packs are is in seven files of `jobs/packs`.
// Whether what ends goes to history, and how long it is kept here: two of a report.
// Where the jobs of a pack lie in line is kept small (`jobs/packs/segments.ts`): one file more of each.
// Whether a service is held is asked for of the queues that a step has touched (`flow/holds.ts`): one file more of each.
const BUDGETS = { submit: 33, claim: 31, report: 37 };

/** A shard whose pull queue has been through everything once. */
function warmShard(): Harness {
  const h = new Harness({ target: { type: "pull" } });
  for (let round = 0; round < 3; round++) {
    h.accept();
    h.succeed(only(h.claim()).lease);
  }
  // Until the clock has run once, an object that has just started looks at everything before each claim.
  h.core.alarm();
  return h;
}

/** The counted files that `action` runs in. */
function counted(action: () => void): string[] {
  return filesRunBy(action).filter((file) => COUNTED.some((folder) => file.startsWith(folder)));
}

/** Fails with the list of the files, so that one sees which are too many. */
function expectWithin(files: string[], budget: number): void {
  expect(files.length, "files in which code runs").toBeGreaterThan(5);
  const message = `${files.length} files, ${budget} allowed:\n${files.join("\n")}`;
  expect(files.length, message).toBeLessThanOrEqual(budget);
}

test("one plain submit, one claim and one report each run in few files", () => {
  const h = warmShard();
  const job = h.job();
  expectWithin(
    counted(() => h.submit([job])),
    BUDGETS.submit,
  );
  let lease = "";
  expectWithin(
    counted(() => {
      lease = only(h.claim()).lease;
    }),
    BUDGETS.claim,
  );
  let status = "";
  expectWithin(
    counted(() => {
      status = h.succeed(lease);
    }),
    BUDGETS.report,
  );
  expect([status, h.state(job.id)]).toEqual(["recorded", "succeeded"]);
});

test("a file counts when one of its functions is called, not when it is only loaded", () => {
  expect(counted(() => undefined)).toEqual([]);
  expect(filesRunBy(() => slotOf("default", "q", 0))).toContain("domain/slots.ts");
  expect(filesRunBy(() => slotOf("default", "q", 0))).not.toContain("durable-objects/shard/kernel/engine.ts");
});

test("the list of files is in the message when there are too many", () => {
  const files = ["a", "b", "c", "d", "e", "f"];
  expect(() => expectWithin(files, 5)).toThrow(/6 files, 5 allowed:\na\nb/);
  expect(() => expectWithin([], 5)).toThrow("files in which code runs");
});
