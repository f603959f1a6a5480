import type { ConfigureNamespacesRequest } from "../../../contract/rpc.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { EACH_NAMESPACE, NAMESPACES } from "./namespace-store.ts";

/** Takes what the gateway says of namespaces: what is newer than what is known. One that is to be deleted is at once. */
export function configureNamespaces(step: Step, { namespaces }: ConfigureNamespacesRequest): null {
  const store = step.get(NAMESPACES);
  for (const settings of namespaces) {
    const wasGone = store.isGone(settings.name);
    const isNews = store.learn(settings);
    if (isNews) step.get(QUARANTINE).releaseWith(step, { kind: EACH_NAMESPACE.kind, key: settings.name });
    // What it had goes, or what is remembered of one that was deleted before.
    if (isNews && (wasGone || settings.deletingAt !== null)) step.wakeAt(step.now);
  }
  return null;
}
