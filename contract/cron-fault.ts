/** What is wrong with a field of a cron expression, said in the field's own numbers. */

interface Part {
  name: string;
  least: number;
  most: number;
  /** The longest step. */
  step: number;
  /** What the field takes. */
  takes: string;
}

/** The fields, as an expression of six has them. */
const PARTS: readonly Part[] = [
  { name: "second", least: 0, most: 59, step: 60, takes: "0 to 59" },
  { name: "minute", least: 0, most: 59, step: 60, takes: "0 to 59" },
  { name: "hour", least: 0, most: 23, step: 24, takes: "0 to 23" },
  { name: "day of month", least: 1, most: 31, step: 31, takes: "1 to 31, or `L` for the last" },
  { name: "month", least: 1, most: 12, step: 12, takes: "1 to 12, or `JAN` to `DEC`" },
  { name: "day of week", least: 0, most: 7, step: 7, takes: "0 to 7 (0 and 7 are Sunday), or `SUN` to `SAT`" },
];
/** As much of a field is repeated. */
const MAX_SHOWN = 40;
/** An item of a list: a number or a range, perhaps with a step. */
const ITEM = /^(\*|\d+(?:-\d+)?)(?:\/\d+)?$/;
/** The step of an item, whatever it is a step of. */
const STEP = /^[^/]+\/(\d+)$/;

/**
 * Says of the first field that is none by itself what is wrong in it; null where each alone is one. `isExpression` tells
 * whether a text is a cron expression.
 */
export function wrongField(expression: string, isExpression: (text: string) => boolean): string | null {
  const fields = expression.trim().split(/\s+/);
  const parts = PARTS.slice(PARTS.length - fields.length);
  for (const [at, part] of parts.entries()) {
    const field = fields[at] ?? "";
    if (isExpression(parts.map((_, place) => (place === at ? field : "*")).join(" "))) continue;
    return `is wrong at ${wrongItem(field, part)}`;
  }
  return null;
}

function wrongItem(field: string, part: Part): string {
  for (const item of field.split(",")) {
    const [, values = ""] = ITEM.exec(item) ?? [];
    const [, step = "1"] = STEP.exec(item) ?? [];
    if (Number(step) < 1 || Number(step) > part.step)
      return `${part.name} ${shown(item)}: a step is from 1 to ${part.step}`;
    const numbers = values.split("-").filter((text) => text !== "" && text !== "*");
    const outside = numbers.find((text) => Number(text) < part.least || Number(text) > part.most);
    if (outside !== undefined) return `${part.name} ${shown(outside)}: ${part.takes}`;
    const [from, to] = numbers.map(Number);
    if (from !== undefined && to !== undefined && from > to) {
      const parted = `${from}-${part.most},${part.least}-${to}`;
      return `${part.name} ${shown(item)}: a range goes up, so write \`${parted}\``;
    }
  }
  return `${part.name} \`${shown(field)}\`: ${part.takes}; \`*\` is any, and lists (\`1,3\`), ranges (\`1-5\`) and steps (\`*/2\`, \`1-9/2\`) are taken`;
}

function shown(text: string): string {
  return text.slice(0, MAX_SHOWN).toWellFormed();
}
