import type { JobSubsystem } from "../jobs/job-change.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { ANY_HOLD, HOLDS, serviceKey } from "./holds.ts";

/** Which services take no jobs now. Executors say so with the jobs that they give back; an attempt that was made says that they do again. */
export const holds: JobSubsystem = {
  name: "holds",
  memory: [HOLDS, ANY_HOLD],
  jobs: {
    on: ["succeed", "retry", "fail"],
    whileAny: ANY_HOLD,
    onChange(step, { queue }) {
      const service = serviceKey(step.get(QUEUES).get(queue).settings);
      if (service !== null && step.get(HOLDS).find(service, step.now) !== null) step.get(HOLDS).clear(service);
    },
  },
};
