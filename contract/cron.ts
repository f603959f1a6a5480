import { Cron, type CronOptions } from "croner";

/**
 * Cron expressions: five fields, or six with seconds first. A time of day without wildcard or step that the change of
 * clocks skips fires at the end of the gap, and one that it repeats fires once, the first time. Expressions with a
 * wildcard or step in seconds, minutes or hours go on by real time.
 */
const OPTIONS = { mode: "5-or-6-parts", fixedTimeRule: "no-wildcard", paused: true } satisfies CronOptions;

/** Any: whether an expression ever fires is looked up from here on. */
const LONG_AGO = new Date(Date.UTC(2000, 0, 1));

const FIELDS = /^\s*\S+(?:\s+\S+){4,5}\s*$/;
const ZONE = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;

/** What is wrong with a cron expression, as part of a sentence; null when nothing is. */
export function cronFault(expression: string): string | null {
  if (!FIELDS.test(expression)) return "must have five fields, or six with seconds first";
  try {
    const first = new Cron(expression, { ...OPTIONS, timezone: "UTC" }).nextRun(LONG_AGO);
    return first === null ? "never fires: there is no such date" : null;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Whether `name` is a time zone of the IANA database. */
export function isTimezone(name: string): boolean {
  if (!ZONE.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The instants of a cron expression in a time zone. */
export interface Instants {
  /** The first instant after `after` (both epoch ms), or null when there is none. */
  next(after: number): number | null;
}

/**
 * Takes what `cronFault` and `isTimezone` let pass. Never throws: of anything else, such as a zone that this runtime
 * does not know, there are no instants.
 */
export function instantsOf(expression: string, timezone: string): Instants {
  const none: Instants = { next: () => null };
  try {
    const cron = new Cron(expression, { ...OPTIONS, timezone });
    cron.nextRun(LONG_AGO);
    return { next: (after) => cron.nextRun(new Date(after))?.getTime() ?? null };
  } catch {
    return none;
  }
}

/** The library's messages begin with the name of a class. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : "cannot be read";
  return `is no cron expression: ${text
    .replace(/^\w+: /, "")
    .replace(/\.$/, "")
    .slice(0, 200)}`;
}
