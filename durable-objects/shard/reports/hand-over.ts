import { ANY_CONNECTION, CONNECTIONS } from "../flow/connections.ts";
import { BEGUN, type JobHead } from "../jobs/job-row.ts";
import { handOver } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";

/**
 * Notes that the target of a running job has it, and reports by itself: the attempt goes on there, and needs no connection any
 * more. Told twice it changes nothing, so that what the target has extended since stays.
 */
export function recordHandOver(step: Step, row: JobHead): void {
  if (row.begun !== BEGUN.handedOver) handOver(step, row);
  if (step.get(ANY_CONNECTION).any) step.get(CONNECTIONS).end(row.id);
}
