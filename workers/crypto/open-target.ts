import type { HttpTarget } from "../../domain/target-secrets.ts";
import { toBase64, utf8 } from "./bytes.ts";
import { headerPlace, type TargetOwner, urlPlace } from "./places.ts";
import { isSealed, type Place, type Vault } from "./vault.ts";

/** A target as it is called. */
export type OpenTarget = Pick<HttpTarget, "url" | "headers">;

/**
 * A target whose URL has a user name and a password, as it is sent: they go into the header that means them (RFC 7617), unless it
 * has one of its own, because `fetch` takes no URL that has them.
 */
export function withCredentials({ url, headers }: OpenTarget): OpenTarget {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.username === "" && parsed.password === "")) return { url, headers };
  const credentials = `${decoded(parsed.username)}:${decoded(parsed.password)}`;
  parsed.username = "";
  parsed.password = "";
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  const basic = { authorization: `Basic ${toBase64(utf8(credentials))}` };
  return { url: parsed.href, headers: named ? headers : { ...headers, ...basic } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

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
