/**
 * Whether what a page shows is what its command prints. Times match times, and identifiers match identifiers of their kind, one and the
 * same wherever the page shows the same one; `…` matches anything. All else is equal.
 */

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const ID = /\b(job|op|evt)_(?:[0-9a-z]+(?:_\d+)?|…)/g;

/** Members whose numbers differ from run to run. */
const VARYING = new Set(["lateSeconds"]);

/** What the identifiers of a page stand for in this run. */
export type Names = Map<string, string>;

interface Comparison {
  names: Names;
  /** Whether an object may have members that the page does not show. */
  part: boolean;
  /** JSON Pointer of what is compared; the whole when left out. */
  at?: string;
}

/** What differs, each with its JSON Pointer; empty when nothing does. */
export function differences(shown: unknown, printed: unknown, comparison: Comparison): string[] {
  const { names, part, at: pointer = "" } = comparison;
  const inside = (key: string | number) => ({ ...comparison, at: `${pointer}/${key}` });
  if (typeof shown === "string" && typeof printed === "string")
    return sameText(shown, printed, names) ? [] : [`${pointer}: ${printed}, not ${shown}`];
  if (Array.isArray(shown) && Array.isArray(printed)) {
    if (shown.length !== printed.length) return [`${pointer}: ${printed.length} items, not ${shown.length}`];
    return shown.flatMap((item, i) => differences(item, printed[i], inside(i)));
  }
  if (isObject(shown) && isObject(printed)) {
    const missing = Object.keys(shown).filter((key) => !Object.hasOwn(printed, key));
    const further = part ? [] : Object.keys(printed).filter((key) => !Object.hasOwn(shown, key));
    const inner = Object.keys(shown).flatMap((key) =>
      Object.hasOwn(printed, key) && !(VARYING.has(key) && typeof printed[key] === "number")
        ? differences(shown[key], printed[key], inside(key))
        : [],
    );
    return [
      ...missing.map((key) => `${pointer}/${key}: is shown, and not printed`),
      ...further.map((key) => `${pointer}/${key}: is printed, and not shown`),
      ...inner,
    ];
  }
  return Object.is(shown, printed) ? [] : [`${pointer}: ${JSON.stringify(printed)}, not ${JSON.stringify(shown)}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sameText(shown: string, printed: string, names: Names): boolean {
  const wanted = shown.replaceAll(TIME, "<time>").replaceAll(ID, (id, kind) => (id.includes("…") ? `<${kind}>` : id));
  const found = printed.replaceAll(TIME, "<time>");
  // The page's own names first: an identifier that it has shown before stands for one of this run.
  const ids = found.match(ID) ?? [];
  let next = 0;
  const named = wanted.replaceAll(/\b(job|op|evt)_[0-9a-z]+(?:_\d+)?|<(job|op|evt)>/g, (id, kind, anyOf) => {
    const actual = ids[next++];
    if (actual === undefined || !actual.startsWith(`${kind ?? anyOf}_`)) return id;
    if (anyOf !== undefined) return actual;
    if (!names.has(id)) names.set(id, actual);
    return names.get(id) ?? id;
  });
  const pattern = named.split("…").map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`, "s").test(found);
}

/** The lines of a page that the output has not, in this order; lines between them are nobody's business. */
export function missingLines(shown: string, printed: string, names: Names): string[] {
  const lines = printed.split(/\r?\n/);
  let from = 0;
  return shown.split("\n").filter((line) => {
    const at = lines.findIndex((candidate, i) => i >= from && sameText(line, candidate, names));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

/** The last JSON object or list in an output that is printed legibly, on lines of its own. Throws when there is none. */
export function lastJson(output: string): unknown {
  const found = [...output.matchAll(/^(?:\{\n[\s\S]*?^\}|\[\n[\s\S]*?^\]|\{\}|\[\])$/gm)].at(-1);
  if (found === undefined) throw new Error(`no JSON has lines of its own in:\n${output}`);
  return JSON.parse(found[0]);
}
