import type { HttpTarget } from "../../domain/target-secrets.ts";
import { headerPlace, type TargetOwner, urlPlace } from "./places.ts";
import { isSealed, type Place, type Vault } from "./vault.ts";

/** A target as it is called. */
export type OpenTarget = Pick<HttpTarget, "url" | "headers">;

/**
 * Opens all secrets of a target; null where one does not open under the keys that there are. What is not sealed is of the time before, and
 * taken as it is.
 */
export async function openTarget(
  vault: Vault,
  owner: TargetOwner,
  { url, sealedUrl, headers }: HttpTarget,
): Promise<OpenTarget | null> {
  const open = async (place: Place, text: string) => (isSealed(text) ? vault.open(place, text) : text);
  const whole = sealedUrl === undefined ? url : await open(urlPlace(owner, url), sealedUrl);
  if (whole === null) return null;
  const opened: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    const text = await open(headerPlace(owner, url, name), value);
    if (text === null) return null;
    opened.push([name, text]);
  }
  return { url: whole, headers: Object.fromEntries(opened) };
}
