import ts from "typescript";
import { walk } from "./parse.ts";

interface Comment {
  /** The whole comment with its signs; line breaks and the stars at the beginnings of lines are one space. */
  text: string;
  /** Where it begins in the file. */
  position: number;
}

/** Every comment of a file, docstrings too, in their order. */
export function commentsOf(source: ts.SourceFile): Comment[] {
  const found: Comment[] = [];
  const literals = literalsOf(source);
  const comment = /\/\/.*|\/\*[\s\S]*?\*\//g;
  for (let match = comment.exec(source.text); match !== null; match = comment.exec(source.text)) {
    const { index } = match;
    const literal = literals.find(({ start, end }) => start <= index && index < end);
    if (literal === undefined) found.push({ text: match[0].replace(/\s*\n\s*\*?\s*/g, " "), position: index });
    else comment.lastIndex = literal.end;
  }
  return found;
}

/** Where texts, parts of templates and regular expressions stand: what looks like a comment in them is none. */
function literalsOf(source: ts.SourceFile): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  walk(source, (node) => {
    if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node) || ts.isRegularExpressionLiteral(node))
      found.push({ start: node.getStart(source), end: node.getEnd() });
  });
  return found;
}
