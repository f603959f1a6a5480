import type { QueueSubsystem } from "../queues/queue-change.ts";
import { COUNTS } from "./counts.ts";
import { LISTENERS } from "./job-change.ts";
import { JOB_MIGRATIONS } from "./job-schema.ts";
import { JOBS } from "./job-store.ts";
import { JOB_AUDIT } from "./jobs-audit.ts";
import { LARGE_PAYLOADS } from "./large-payloads.ts";
import { METRICS } from "./metrics.ts";
import { JOB_TABLE } from "./row-store.ts";
import { STATES } from "./state-store.ts";

/** The rows of jobs, what they count to, and what is measured of them. */
export const jobs: QueueSubsystem = {
  name: "jobs",
  schema: JOB_MIGRATIONS,
  tables: [{ table: "jobs", scope: "slot" }],
  memory: [JOB_TABLE, JOBS, STATES, LISTENERS, COUNTS, METRICS, LARGE_PAYLOADS],
  queues: {
    onSettings(step, { ref, settings }, before) {
      // A queue that was not known has no jobs here.
      const limitIsNew = before !== null && settings.concurrency !== null && before.concurrency === null;
      if (limitIsNew) step.get(JOB_TABLE).countRunning(ref);
    },
    holdings(parts, { ref }) {
      const { ready, blocked, scheduled, running } = parts.get(COUNTS).of(ref);
      return { live: ready + blocked + scheduled + running };
    },
  },
  audit: JOB_AUDIT,
};
