import type { HttpTarget } from "../../domain/target-secrets.ts";
import { type OpenTarget, openTarget } from "../crypto/open-target.ts";
import type { TargetOwner } from "../crypto/places.ts";
import type { Vault } from "../crypto/vault.ts";

/** Jobs of a queue that start within this share what was opened for the first of them. */
const CACHE_MS = 1_000;
/** Targets that are kept at once: beyond, all are forgotten. */
const MOST_KEPT = 500;

/** The targets that were opened a moment ago, in the memory of an isolate, so that a burst of jobs decrypts their secrets once. */
export class OpenTargets {
  readonly #known = new Map<string, { at: number; opened: Promise<OpenTarget | null> }>();

  /** As `openTarget` does. What did not open is tried again. */
  open(
    { vault, now }: { vault: Vault; now: () => number },
    owner: TargetOwner,
    target: HttpTarget,
  ): Promise<OpenTarget | null> {
    const { url, sealedUrl = null, headers } = target;
    const key = JSON.stringify([owner, url, sealedUrl, headers]);
    const at = now();
    const known = this.#known.get(key);
    if (known !== undefined && at - known.at < CACHE_MS && at >= known.at) return known.opened;
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    const opened = openTarget(vault, owner, target).then((open) => {
      if (open === null) this.#known.delete(key);
      return open;
    });
    this.#known.set(key, { at, opened });
    return opened;
  }
}
