/** Variables of a deployment whose texts stand for a choice or a number. What says nothing known is a fault, and never taken for "no" or "no limit". */

const ON = ["true", "1"];
const OFF = ["false", "0", ""];

function plain(text: string): string {
  return text.trim().toLowerCase();
}

/** Whether a variable is on. What is neither on nor off is off: `onOffFault` is to be asked first. */
export function isOn(text: string): boolean {
  return ON.includes(plain(text));
}

/** Why the text of the variable `name` is neither on nor off, as a sentence; null when it is. */
export function onOffFault(name: string, text: string): string | null {
  if (ON.includes(plain(text)) || OFF.includes(plain(text))) return null;
  return `${name} is \`true\` (or \`1\`) or \`false\` (or \`0\`), not "${text}".`;
}

/** Why the text of the variable `name` is none of `choices`, as a sentence; null when it is, or is empty. */
export function choiceFault(name: string, text: string, choices: readonly string[]): string | null {
  if (text === "" || choices.includes(text)) return null;
  return `${name} is ${choices.map((choice) => `\`${choice}\``).join(" or ")}, not "${text}".`;
}

/** Where LOCATION may ask for objects to be made (developers.cloudflare.com/durable-objects/reference/data-location). */
export const LOCATIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"];

/** Within what JURISDICTION may keep objects. */
export const JURISDICTIONS = ["eu", "us", "fedramp"];

/** Why one of the variables that say where objects lie cannot be read, as a sentence; null when both can. */
export function placementFault({
  LOCATION = "",
  JURISDICTION = "",
}: {
  LOCATION?: string | undefined;
  JURISDICTION?: string | undefined;
}): string | null {
  return choiceFault("LOCATION", LOCATION, LOCATIONS) ?? choiceFault("JURISDICTION", JURISDICTION, JURISDICTIONS);
}

/** Why the text of the variable `name` is no whole number from `least` on, as a sentence; null when it is one. */
export function wholeNumberFault(name: string, text: string | undefined, least = 0): string | null {
  if (text !== undefined && /^\d{1,15}$/.test(text) && Number(text) >= least) return null;
  return `${name} is a whole number from ${least} on, ${text === undefined ? "and is not set" : `not "${text}"`}.`;
}

/** What the variable METRICS may say. */
export const METRICS_CHOICES = ["key", "public"];
