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
  } catch {
    return wrongField(expression) ?? "is no cron expression of five fields, such as `30 2 * * *`";
  }
}

/** The fields with what they take, as an expression of six has them. */
const PARTS = [
  { name: "second", takes: "0 to 59" },
  { name: "minute", takes: "0 to 59" },
  { name: "hour", takes: "0 to 23" },
  { name: "day of the month", takes: "1 to 31, or `L` for the last" },
  { name: "month", takes: "1 to 12, or `JAN` to `DEC`" },
  { name: "day of the week", takes: "0 to 7, or `SUN` to `SAT`" },
];
/** As much of a field is repeated. */
const MAX_SHOWN = 40;

/** Says of the first field that is none by itself; null where each alone is one. */
function wrongField(expression: string): string | null {
  const fields = expression.trim().split(/\s+/);
  const parts = PARTS.slice(PARTS.length - fields.length);
  for (const [at, { name, takes }] of parts.entries()) {
    const field = fields[at] ?? "";
    if (isExpression(parts.map((_, place) => (place === at ? field : "*")).join(" "))) continue;
    const shown = field.slice(0, MAX_SHOWN).toWellFormed();
    return `has \`${shown}\` for the ${name}, which is ${takes}; \`*\` is any, and lists (\`1,3\`), ranges (\`1-5\`) and steps (\`*/2\`) are taken`;
  }
  return null;
}

function isExpression(text: string): boolean {
  try {
    return new Cron(text, { ...OPTIONS, timezone: "UTC" }).nextRun(LONG_AGO) !== undefined;
  } catch {
    return false;
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
