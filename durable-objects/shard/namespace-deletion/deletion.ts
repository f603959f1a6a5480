import type { DeletionProgress, ShardCall } from "../../../contract/rpc.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { deleteSome } from "./delete-rows.ts";
import { DELETIONS } from "./deletion-store.ts";

/** That a namespace is gone is remembered for so long: what was sent before its end, a message in a Queue, comes by then. */
const KEEP_GONE_MS = 30 * 24 * 3_600_000;

/** How far the deletion of a namespace is here. */
export function namespaceDeletion(parts: Parts, { name }: ShardCall & { name: string }): DeletionProgress {
  const settings = parts.get(NAMESPACES).find(name);
  const isGone = settings !== null && settings.deletingAt !== null;
  return { jobs: parts.get(DELETIONS).find(name)?.jobs ?? 0, done: isGone && isDone(parts, settings) };
}

/** When there is something to do: at once while anything is to be deleted, else when the oldest is forgotten. Null: never. */
export function nextDeletionAt(parts: Parts, now: number): number | null {
  const gone = parts.get(NAMESPACES).gone();
  const deletions = parts.get(DELETIONS);
  if (gone.some(({ name, version }) => !isDone(parts, { name, version }))) return now;
  const left = deletions
    .all()
    .map(({ name, doneAt }) => (doneAt === null || !parts.get(NAMESPACES).isGone(name) ? now : doneAt + KEEP_GONE_MS));
  return left.length === 0 ? null : Math.min(...left);
}

function isDone(parts: Parts, { name, version }: { name: string; version: number }): boolean {
  const known = parts.get(DELETIONS).find(name);
  return known !== null && known.version === version && known.doneAt !== null;
}

/**
 * One step of the deletion of one namespace: what goes, and that it went, are written together. True when more is left. A
 * namespace of which all has gone is looked at once more whenever the gateway says so with another version.
 */
export function stepDeletions(step: Step): boolean {
  const deletions = step.get(DELETIONS);
  const namespaces = step.get(NAMESPACES);
  const next = namespaces.gone().find(({ name, version }) => !isDone(step, { name, version }));
  if (next === undefined) return forgetOld(step);
  const { name, version } = next;
  const { jobs, more } = deleteSome(step, name);
  const before = deletions.find(name);
  const doneAt = more ? null : step.now;
  deletions.save(step, { name, version, jobs: (before?.jobs ?? 0) + jobs, doneAt });
  if (doneAt !== null) step.wakeAt(doneAt + KEEP_GONE_MS);
  return true;
}

/** Forgets what was deleted long ago, and how the deletion went of a namespace that was made again. */
function forgetOld(step: Step): boolean {
  const namespaces = step.get(NAMESPACES);
  for (const { name, doneAt } of step.get(DELETIONS).all()) {
    const isGone = namespaces.isGone(name);
    if (isGone && (doneAt === null || doneAt + KEEP_GONE_MS > step.now)) continue;
    step.get(DELETIONS).remove(step, name);
    if (isGone) namespaces.forget(name);
  }
  return false;
}
