import type { Report, ReportResult, Unfit } from "../../../contract/rpc.ts";
import { INVALID_SPAWN } from "../../../contract/spawn.ts";
import type { Step } from "../kernel/step.ts";
import { assignSlots, type Child, type Parent, type SlotAssignment } from "./assign-slots.ts";
import { launch } from "./launch.ts";

/** The job of a report, with the pointer of the jobs that it brings in what its code has sent. */
export interface Bringing extends Parent {
  pointer: "/spawn" | "/dure-spawn";
}

/** The job of a report whose lease is the current one: null of any other, which spawns nothing. */
export type JobOf = (report: Report) => Bringing | null;

/** The member of a job that is the reason why a queue cannot take it. */
const FIELDS: Partial<Record<Unfit, string>> = {
  "queue-not-found": "/queue",
  "timeout-too-long": "/timeout",
  "keys-need-one-partition": "/concurrencyKey",
};

/**
 * What the jobs that reports bring mean for the reports. They are placed before anything is recorded, so that a success
 * that cannot be carried out whole is not recorded at all.
 */
export class SpawnPlans {
  readonly #children = new Map<Report, Child[]>();
  readonly #answers = new Map<Report, ReportResult>();
  /** As they are to be recorded. */
  readonly reports: Report[];

  /** `fails`: a success whose jobs no queue takes is a failure, because its worker would not hear of a refusal. */
  constructor(step: Step, reports: Report[], { jobOf, fails }: { jobOf: JobOf; fails: boolean }) {
    this.reports = reports.map((report) => {
      const spawn = report.outcome.ok ? (report.outcome.spawn ?? []) : [];
      const parent = spawn.length === 0 ? null : jobOf(report);
      if (parent === null) return report;
      const assignment = assignSlots(step, parent, spawn);
      if (assignment.type === "refused" && fails) return failureOf(report, parent, assignment);
      if (assignment.type === "assigned") this.#children.set(report, assignment.children);
      else this.#answers.set(report, answerOf(assignment));
      return report;
    });
  }

  /** The answer to a report that is not recorded; null for any other. */
  answer(report: Report): ReportResult | null {
    return this.#answers.get(report) ?? null;
  }

  /** How long the sender is to wait before it sends all of them again; null when none has to. */
  get retryAfterMs(): number | null {
    const waits = [...this.#answers.values()].flatMap((answer) =>
      answer.status === "busy" ? [answer.retryAfterMs] : [],
    );
    return waits.length === 0 ? null : Math.max(...waits);
  }

  /** The success has just been recorded. */
  succeeded(step: Step, report: Report): void {
    launch(step, this.#children.get(report) ?? []);
  }

  /** What a report is told that was recorded. */
  recorded(report: Report): ReportResult {
    const children = this.#children.get(report);
    return children === undefined
      ? { status: "recorded" }
      : { status: "recorded", spawned: children.map(({ job }) => job.id) };
  }
}

function answerOf(assignment: Exclude<SlotAssignment, { type: "assigned" }>): ReportResult {
  if (assignment.type === "busy") return { status: "busy", retryAfterMs: assignment.retryAfterMs };
  const { index, queue, because } = assignment;
  return { status: "refused", index, queue, because };
}

function failureOf(
  report: Report,
  { pointer }: Bringing,
  { index, queue, because }: Extract<SlotAssignment, { type: "refused" }>,
): Report {
  // Depth is what the job is: no further attempt would change it.
  const retryable = because !== "spawned-too-deep";
  const at = `${pointer}/${index}${FIELDS[because] ?? ""}`;
  const error = { code: INVALID_SPAWN, message: `${at}: queue ${queue}: ${because}`, retryable };
  return { ...report, outcome: { ok: false, error, retryAfterMs: null } };
}
