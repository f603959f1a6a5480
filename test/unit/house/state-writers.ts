import ts from "typescript";
import { type Files, parse, placeOf, type Violation, walk } from "./parse.ts";

/** The only file whose SQL may write the column `state` of the table `jobs`. */
export const STATE_WRITER = "durable-objects/shard/jobs/state-store.ts";

/** Stands in the text for `${...}` of a template: what it will be cannot be told here. */
const HOLE = "\u0000";

const INSERT = /\b(?:INSERT(?:\s+OR\s+\w+)?|REPLACE)\s+INTO\s+["`[]?jobs\b(?!\w)/i;
const UPDATE =
  /\bUPDATE(?:\s+OR\s+\w+)?\s+["`[]?jobs\b["`\]]?(?:\s+(?:AS\s+)?(?!SET\b)\w+)?\s+SET\b(?<set>[\s\S]*?)(?=\bWHERE\b|\bFROM\b|\bRETURNING\b|;|$)/gi;

/**
 * SQL outside `STATE_WRITER` that writes a job's state: an INSERT into `jobs`, or an UPDATE of it that sets `state`
 * or whose assignments are put together from parts.
 */
export function stateWriters(files: Files): Violation[] {
  return [...files]
    .filter(([file]) => file.startsWith("durable-objects/") && file !== STATE_WRITER)
    .flatMap(([file, text]) => (/\bjobs\b/.test(text) ? writersIn(parse(file, text)) : []));
}

function writersIn(source: ts.SourceFile): Violation[] {
  const found: Violation[] = [];
  walk(source, (node) => {
    const sql = textOf(node);
    if (sql === null || (ts.isBinaryExpression(node.parent) && textOf(node.parent) !== null)) return;
    const what = writesState(sql);
    if (what !== null) found.push(`${placeOf(source, node.getStart())}: ${what}; only ${STATE_WRITER} may`);
  });
  return found;
}

/** The text of a literal, a template, or a sum of these; null for any other node. */
function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => HOLE + span.literal.text).join("");
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return null;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === null && right === null ? null : (left ?? HOLE) + (right ?? HOLE);
}

function writesState(sql: string): string | null {
  if (INSERT.test(sql)) return "inserts into jobs";
  for (const { groups } of sql.matchAll(UPDATE)) {
    const targets = assignmentTargets(groups?.set ?? "");
    if (targets.includes("state")) return "sets the state of jobs";
    if (targets.some((target) => target.includes(HOLE))) return "sets columns of jobs that cannot be read here";
  }
  return null;
}

/** The names at the left of `=` in the SET part of an UPDATE, lower-case and without quotes. */
function assignmentTargets(set: string): string[] {
  return splitTopLevel(set).flatMap((assignment) => {
    const left = assignment.split("=")[0] ?? "";
    return left
      .split(/[(),]/)
      .map((name) => name.replace(/["`[\]\s]/g, "").toLowerCase())
      .filter((name) => name !== "");
  });
}

/** Splits at commas that stand outside of parentheses. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}
