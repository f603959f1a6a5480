import type { AuditViolation } from "../../../contract/rpc.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { JOBS } from "../jobs/job-store.ts";
import type { AuditPage, AuditView } from "../kernel/audit-rules.ts";
import { ANY_CONNECTION, CONNECTIONS } from "./connections.ts";

/** Who holds the outgoing connections of a lane. A claim takes them; whatever ends an attempt gives them back. */
export const connections: JobSubsystem = {
  name: "connections",
  memory: [CONNECTIONS, ANY_CONNECTION],
  jobs: {
    on: ["succeed", "retry", "putBack", "fail", "cancel"],
    whileAny: ANY_CONNECTION,
    onChange(step, { jobs }) {
      const inUse = step.get(CONNECTIONS);
      for (const { id } of jobs) inUse.end(id);
    },
  },
  audit: { walks: [{ name: "holders of connections", begin: () => ({ next: holdersRun, end: () => undefined }) }] },
};

/**
 * A connection that is counted for a job that no longer runs would be lost to everybody until the object starts anew. They are
 * no more than a lane has, and are looked at together.
 */
function holdersRun(view: AuditView): AuditPage {
  const ids = [...view.get(CONNECTIONS).jobs()];
  const running = new Set(
    view
      .get(JOBS)
      .heads(ids)
      .flatMap(({ id, state }) => (state === "running" ? id : [])),
  );
  const violations: AuditViolation[] = ids
    .filter((id) => !running.has(id))
    .map((id) => ({ rule: "connection-in-use", detail: `${id} does not run, and a connection is counted for it` }));
  return { rows: ids.length, done: true, violations };
}
