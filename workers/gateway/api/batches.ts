import type { BatchView } from "../../../contract/batch.ts";
import { batch, isProblem, type Problem } from "../../../contract/problems.ts";
import { accepted, done } from "../answered.ts";
import { type BatchRun, submitBatch as submitJobs } from "../submit/batch.ts";
import { batchOnce } from "../submit/batch-once.ts";
import { wantOfRoom } from "../submit/full.ts";
import { drawRandomness } from "../submit/randomness.ts";
import type { UseCase } from "./use-case.ts";

/** Many jobs in one call, each by itself or all or nothing. */
export const submitBatch: UseCase<"submitBatch"> = async (
  context,
  { body, query, idempotencyKey: key, traceparent },
) => {
  const { services, session, caller } = context;
  const { namespace } = caller;
  const now = context.clock();
  const sender = { services, namespace };
  const run = (options: BatchRun) => submitJobs(sender, body, { ...options, traceparent, defers: true });
  const view =
    key === null
      ? await run({ randomness: drawRandomness(), now, late: false, whole: query.include })
      : await batchOnce(services, { namespace, key, body, now }, run);
  if (isProblem(view)) return view;
  session.touch();
  const replays = view.items.filter((item) => "id" in item && item.replayed).length;
  if (view.accepted + replays === 0) return nothingAccepted(view);
  if (view.accepted > 0) return accepted(view);
  // Nothing is new: all of it was there before, or what was not is refused for good by the key's first answer.
  return key !== null || replays === view.items.length ? done(view, { replayed: true }) : accepted(view);
};

/** A problem that has the items beside it. When to wait is all they need, that is the problem. */
function nothingAccepted(view: BatchView): Problem {
  const problems = view.items.flatMap((item) => ("problem" in item ? [item.problem] : []));
  const problem = wantOfRoom(problems) ?? batch.refused(problems.flatMap(({ errors = [] }) => errors));
  return problem.code === "unavailable" ? problem : batch.withItems(problem, view);
}
