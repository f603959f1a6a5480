import { deeperThan, TOO_DEEP } from "../../contract/json-text.ts";
import { MAX_JSON_DEPTH } from "../../contract/limits.ts";
import { invalid, type Result } from "../../contract/problems.ts";

/** JSON text as the API takes it: within the depth, and with no number that a double cannot hold. */
export function parseJson(text: string): Result<unknown> {
  if (deeperThan(text, MAX_JSON_DEPTH)) return invalid.request(`The body ${TOO_DEEP}.`);
  if (mayOverflow(text) && overflows(text)) {
    return invalid.request("The body has a number larger than a double can hold.");
  }
  try {
    return JSON.parse(text);
  } catch {
    return invalid.request("The body is not JSON.");
  }
}

/** Whether a number above 1.8e308 is possible: it needs three digits of exponent, or hundreds before it. */
function mayOverflow(text: string): boolean {
  return /[eE]\+?\d{3}|\d{200}/.test(text);
}

/** Whether a number was read as infinite, which would be passed on as null. */
function overflows(text: string): boolean {
  let found = false;
  try {
    JSON.parse(text, (_, value: unknown) => {
      found ||= value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
      return value;
    });
  } catch {
    return false;
  }
  return found;
}
