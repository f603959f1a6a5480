import type { JobSubsystem } from "./job-change.ts";
import { PROGRESS_MIGRATIONS } from "./progress-schema.ts";
import { ANY_PROGRESS, PROGRESS } from "./progress-store.ts";

/** What workers say of the jobs they run, until nobody needs it any more: a failed job may be redriven from its checkpoint. */
export const progress: JobSubsystem = {
  name: "progress",
  schema: PROGRESS_MIGRATIONS,
  tables: [{ table: "progress", scope: "slot" }],
  memory: [ANY_PROGRESS, PROGRESS],
  jobs: {
    on: ["succeed", "cancel", "reject"],
    whileAny: ANY_PROGRESS,
    onChange: (step, { jobs }) =>
      step.get(PROGRESS).forget(
        step,
        jobs.map(({ id }) => id),
      ),
  },
};
