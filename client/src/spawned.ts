import { DureError } from "./error.ts";
import { MAX_SPAWN } from "./generated/limits.ts";
import type { ReportRequest, SubmitRequest } from "./generated/types.ts";
import { JsonText } from "./json-text.ts";
import { failureReport } from "./outcome.ts";

/** The jobs that one run of a handler brings with its success. */
export class Spawned {
  readonly #jobs: SubmitRequest[] = [];

  get jobs(): readonly SubmitRequest[] {
    return this.#jobs;
  }

  /** Takes a job as it is now. Throws a RangeError for what JSON cannot hold, and for one too many. */
  add(job: SubmitRequest): void {
    if (this.#jobs.length >= MAX_SPAWN) throw new RangeError(`at most ${MAX_SPAWN} jobs go with a success`);
    let text: string;
    try {
      text = JSON.stringify(job);
    } catch (error) {
      throw new RangeError("the spawned job is not JSON", { cause: error });
    }
    const { payload } = job;
    const taken = JSON.parse(text) as SubmitRequest;
    this.#jobs.push(payload instanceof JsonText ? { ...taken, payload } : taken);
  }
}

/** Whether a report brings jobs: the server may refuse it for one of them. */
export function brings(report: ReportRequest): boolean {
  return report.ok === true && (report.spawn?.length ?? 0) > 0;
}

/** What the server refuses for good about a report that brings jobs: each of the jobs may be the reason. */
export function isRefusedSpawn(error: unknown): error is DureError {
  return error instanceof DureError && [400, 403, 404, 413, 422].includes(error.status);
}

/** The report that takes the place of a success which the server refused for the jobs it brings: the attempt fails. */
export function withoutSpawn(report: ReportRequest, problem: DureError["problem"]): ReportRequest {
  const where = (problem.errors ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  const message = [problem.detail === "" ? problem.title : problem.detail, ...where].join(" ");
  return failureReport(report.lease, Object.assign(new Error(message), { code: "invalid-spawn" }));
}
