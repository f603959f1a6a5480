import { MAX_WAIT_SECONDS } from "../../../../contract/limits.ts";

/**
 * The seconds of `Prefer: wait=N` (RFC 7240), clamped to what one request may wait, or null when there is none.
 * Preferences that cannot be read are ignored, as the RFC wants; of several the first counts.
 */
export function preferredWait(header: string): number | null {
  for (const preference of header.split(",")) {
    const [name = "", value = ""] = (preference.split(";")[0] ?? "").split("=");
    if (name.trim().toLowerCase() !== "wait") continue;
    const text = value.trim().replace(/^"(.*)"$/, "$1");
    return /^\d+$/.test(text) ? Math.min(Number(text), MAX_WAIT_SECONDS) : null;
  }
  return null;
}
