import type { Signer } from "../access/signing.ts";
import { Refusal } from "./refusal.ts";

/**
 * Cursors of lists: the id or name above the next page. `list` names the list and what it was filtered by, so a
 * cursor carried to another list is refused like a forged one (400).
 */
export async function makeCursor(signer: Signer, list: string, before: string): Promise<string> {
  return signer.sign("cursor", { v: 1, list, before });
}

/** Where to go on, or null for the first page. */
export async function openCursor(signer: Signer, list: string, cursor: string | undefined): Promise<string | null> {
  if (cursor === undefined) return null;
  const value = await signer.open("cursor", cursor);
  if (isCursor(value) && value.list === list) return value.before;
  throw new Refusal("invalid-request", "The cursor is not one of this list's.", {
    errors: [{ pointer: "/cursor", detail: "is not a cursor of this list" }],
  });
}

function isCursor(value: unknown): value is { list: string; before: string } {
  if (typeof value !== "object" || value === null) return false;
  return "list" in value && typeof value.list === "string" && "before" in value && typeof value.before === "string";
}
