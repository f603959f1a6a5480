import { invalid, type Result } from "../../../contract/problems.ts";
import type { Signer } from "./signing.ts";

/**
 * Cursors of lists: the id or name above the next page. `list` names the list and what it was filtered by, so a
 * cursor carried to another list is refused like a forged one (400).
 */
export async function makeCursor(signer: Signer, list: string, before: string): Promise<string> {
  return signer.sign("cursor", { v: 1, list, before });
}

/** Where to go on, or null for the first page. */
export async function openCursor(
  signer: Signer,
  list: string,
  cursor: string | undefined,
): Promise<Result<string | null>> {
  if (cursor === undefined) return null;
  const value = await signer.open("cursor", cursor);
  if (isCursor(value) && value.list === list) return value.before;
  return invalid.cursor();
}

function isCursor(value: unknown): value is { list: string; before: string } {
  if (typeof value !== "object" || value === null) return false;
  return "list" in value && typeof value.list === "string" && "before" in value && typeof value.before === "string";
}
