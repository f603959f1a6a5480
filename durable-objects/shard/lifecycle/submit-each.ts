import type { SubmitReply, SubmitRequest, Submitted } from "../../../contract/rpc.ts";
import { faultText, isPlatformFault } from "../../../domain/fault.ts";
import type { Engine } from "../kernel/engine.ts";
import { submitJobs } from "./submit.ts";

type Here = Exclude<SubmitReply, { type: "moved" }>;

/**
 * In place of a submission that has thrown `error`: where its jobs need not be accepted together, each has a step of its own.
 * So one job that meets a row which cannot be read refuses no other.
 */
export function submitEach(engine: Engine, request: SubmitRequest, error: unknown): Here {
  const { queues, jobs, atomic, deferred } = request;
  const isOfCaller = jobs.some(({ queue }) => queues[queue] === undefined);
  if (isOfCaller || atomic || deferred) throw error;
  const results: Submitted[] = [];
  for (const job of jobs) {
    const reply = alone(engine, { ...request, jobs: [job] });
    // What was taken before it is found by its id when all are sent again.
    if (reply.type !== "submitted") return reply;
    results.push(...reply.results);
  }
  return { type: "submitted", results };
}

function alone(engine: Engine, request: SubmitRequest): Here {
  try {
    return engine.step((step) => submitJobs(step, request));
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    return { type: "submitted", results: [{ type: "faulted", fault: faultText(error) }] };
  }
}
