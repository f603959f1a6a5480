import type { Batch, Problem } from "./generated/types.ts";

/** What became of one job of a batch. */
export type Item = Batch["items"][number];

/** Where a pointer into a batch names a job. */
const JOB_POINTER = /^\/jobs\/(\d+)(?![^/])/;

/** What became of each job of a batch that was refused: the problem's own word on it. Null where it has none. */
export function itemsIn({ items }: Problem, count: number): Item[] | null {
  return isItems(items) && items.length === count ? items : null;
}

export function isItems(items: unknown): items is Item[] {
  return (
    Array.isArray(items) &&
    items.every((item) => typeof item === "object" && item !== null && ("id" in item || "problem" in item))
  );
}

/** The item with its faults at their places in the whole batch, of which `offset` jobs go before its part. */
export function moved(item: Item, offset: number): Item {
  if (!("problem" in item) || item.problem.errors === undefined || offset === 0) return item;
  const errors = item.problem.errors.map((error) => {
    const index = JOB_POINTER.exec(error.pointer)?.[1];
    if (index === undefined) return error;
    const place = Number(index) + offset;
    return {
      pointer: error.pointer.replace(JOB_POINTER, `/jobs/${place}`),
      detail: error.detail.replace(`jobs[${index}]`, `jobs[${place}]`),
    };
  });
  return { problem: { ...item.problem, errors } };
}

/** The problem as one of a job that was sent by itself: its faults are at their places in the job, and not in a batch. */
export function ofOneJob(problem: Problem): Problem {
  const { errors, ...rest } = problem;
  if (errors === undefined) return problem;
  const own = errors.flatMap((error) => {
    const index = JOB_POINTER.exec(error.pointer)?.[1];
    if (index === undefined) return [error];
    const pointer = error.pointer.replace(JOB_POINTER, "");
    // What is wrong with the job as a whole stands in the batch with a place, and in an answer of its own without one.
    if (pointer === "" && error.detail === problem.detail) return [];
    return [{ pointer, detail: withoutPlace(error.detail, `jobs[${index}]`) }];
  });
  return own.length === 0 ? (rest as Problem) : ({ ...rest, errors: own } as Problem);
}

/** `jobs[3].priority is …` as `priority is …`, and `jobs[3]` itself as what a job is when it is sent by itself. */
function withoutPlace(detail: string, place: string): string {
  if (detail.startsWith(`${place}.`)) return detail.slice(place.length + 1);
  return detail.startsWith(place) ? `The request${detail.slice(place.length)}` : detail.replace(place, "the request");
}
