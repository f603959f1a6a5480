import ts from "typescript";
import { commentsOf } from "./comments.ts";
import { type Files, parse, placeOf, type Violation, walk } from "./parse.ts";
import { type Place, RETIRED_WORDS, type RetiredWord, SHIPPED } from "./retired-words.ts";

/** Retired words in names of files, in names that a file declares, and in its comments. */
export function retiredWords(files: Files, words: readonly RetiredWord[] = RETIRED_WORDS): Violation[] {
  return [...files].flatMap(([file, text]) => {
    const here = words.filter(({ within = SHIPPED }) => within.some((folder) => file.startsWith(folder)));
    if (here.length === 0) return [];
    const source = parse(file, text);
    return [...inFileName(file, here), ...inNames(source, here), ...inComments(source, here)];
  });
}

function inFileName(file: string, words: readonly RetiredWord[]): Violation[] {
  const name = file.slice(file.lastIndexOf("/") + 1).replace(/(?:\.test)?\.ts$/, "");
  const found = matching(words, "file", name);
  return found === null ? [] : [`${file}: the file name ${name} is retired: say ${found.say}`];
}

function inNames(source: ts.SourceFile, words: readonly RetiredWord[]): Violation[] {
  const found: Violation[] = [];
  walk(source, (node) => {
    const declared = declarationOf(node);
    const retired = declared === null ? null : matching(words, declared.place, declared.name);
    if (declared !== null && retired !== null)
      found.push(`${placeOf(source, node.getStart())}: the name ${declared.name} is retired: say ${retired.say}`);
  });
  return found;
}

function inComments(source: ts.SourceFile, words: readonly RetiredWord[]): Violation[] {
  return commentsOf(source).flatMap(({ text, position }) => {
    const place = placeOf(source, position);
    const spoken = words.flatMap(({ word, in: places, say }) => {
      const match = places.includes("comment") ? word.exec(text) : null;
      return match === null ? [] : [`${place}: the comment says "${match[0]}", which is retired: say ${say}`];
    });
    const quoted = [...text.matchAll(/`#?([A-Za-z_]\w*)(?:\(\))?`/g)].flatMap(([, name = ""]) => {
      const retired = QUOTABLE.map((kind) => matching(words, kind, name)).find((row) => row !== null);
      return retired ? [`${place}: the comment names \`${name}\`, which is retired: say ${retired.say}`] : [];
    });
    return [...spoken, ...quoted];
  });
}

/** A name in backquotes may be any of these. Names of values are left out: many are ordinary words of a wire format. */
const QUOTABLE: readonly Place[] = ["type", "function"];

function matching(words: readonly RetiredWord[], place: Place, name: string): RetiredWord | null {
  return words.find((row) => row.in.includes(place) && row.word.test(name)) ?? null;
}

/**
 * The name that a node declares. What only uses a name declared elsewhere (an import, a property of an object
 * literal, an unnamed part of a destructuring) says nothing here: its declaration is found where it stands.
 */
function declarationOf(node: ts.Node): { name: string; place: Place } | null {
  const place = placeDeclaredBy(node);
  if (place === null || !("name" in node)) return null;
  const name = node.name as ts.Node | undefined;
  if (name === undefined || !(ts.isIdentifier(name) || ts.isPrivateIdentifier(name) || ts.isStringLiteral(name)))
    return null;
  return { name: name.text.replace(/^#/, ""), place };
}

function placeDeclaredBy(node: ts.Node): Place | null {
  switch (node.kind) {
    case ts.SyntaxKind.ClassDeclaration:
    case ts.SyntaxKind.ClassExpression:
    case ts.SyntaxKind.InterfaceDeclaration:
    case ts.SyntaxKind.TypeAliasDeclaration:
    case ts.SyntaxKind.EnumDeclaration:
      return "type";
    case ts.SyntaxKind.FunctionDeclaration:
    case ts.SyntaxKind.FunctionExpression:
    case ts.SyntaxKind.MethodDeclaration:
    case ts.SyntaxKind.MethodSignature:
    case ts.SyntaxKind.GetAccessor:
    case ts.SyntaxKind.SetAccessor:
      return "function";
    case ts.SyntaxKind.Parameter:
    case ts.SyntaxKind.EnumMember:
      return "value";
    default:
      return placeByContent(node);
  }
}

function placeByContent(node: ts.Node): Place | null {
  if (ts.isPropertyAssignment(node)) return isFunctionValue(node.initializer) ? "function" : null;
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node))
    return node.initializer !== undefined && isFunctionValue(node.initializer) ? "function" : "value";
  if (ts.isPropertySignature(node))
    return node.type !== undefined && ts.isFunctionTypeNode(node.type) ? "function" : "value";
  if (ts.isBindingElement(node)) return node.propertyName === undefined ? null : "value";
  return null;
}

function isFunctionValue(node: ts.Node): boolean {
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node);
}
