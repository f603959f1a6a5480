import { originOf } from "../../domain/target-secrets.ts";
import type { Place } from "./vault.ts";

/** Where sealed values stand. Both Workers name places by these, so that what one seals the other opens. */

/** Whose target it is. */
export interface TargetOwner {
  kind: "queue" | "subscription";
  namespace: string;
  name: string;
}

/**
 * The value of a target's header. It is bound to the origin of the target's URL too: a secret goes to nobody but whom it was
 * given for.
 */
export function headerPlace({ kind, namespace, name }: TargetOwner, url: string, header: string): Place {
  return ["header", kind, namespace, name, originOf(url), header.toLowerCase()];
}

/** The whole URL of a target, beside the masked one. */
export function urlPlace({ kind, namespace, name }: TargetOwner, maskedUrl: string): Place {
  return ["url", kind, namespace, name, maskedUrl];
}

/** A webhook secret of a namespace. */
export function webhookPlace(namespace: string): Place {
  return ["webhook-secret", namespace];
}
