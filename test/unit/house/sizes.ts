import ts from "typescript";
import { type Files, parse, placeOf, type Violation, walk } from "./parse.ts";
import { SIZE_EXCEPTIONS, type SizeException } from "./size-exceptions.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 50;
const MAX_PARAMETERS = 3;

interface TooLarge {
  file: string;
  /** The name of the function, or null when the whole file is too long. */
  name: string | null;
  violation: Violation;
}

/**
 * Files of more than 400 lines, functions of more than 50, and functions that take more than three parameters by
 * position. Tests are not judged. An exception that nothing needs any more is a violation too.
 */
export function sizes(files: Files, exceptions: readonly SizeException[] = SIZE_EXCEPTIONS): Violation[] {
  const found = [...files]
    .filter(([file]) => !file.startsWith("test/"))
    .flatMap(([file, text]) => [...longFile(file, text), ...largeFunctions(parse(file, text))]);
  const covers = (large: TooLarge) => (exception: SizeException) =>
    exception.file === large.file && exception.name === large.name;
  return [
    ...found.filter((large) => !exceptions.some(covers(large))).map(({ violation }) => violation),
    ...exceptions
      .filter((exception) => !found.some((large) => covers(large)(exception)))
      .map(({ file, name }) => `${file}: ${name ?? "its length"} keeps to the sizes and needs no exception any more`),
  ];
}

function longFile(file: string, text: string): TooLarge[] {
  const lines = text.trimEnd().split("\n").length;
  if (lines <= MAX_FILE_LINES) return [];
  return [{ file, name: null, violation: `${file}: has ${lines} lines, more than ${MAX_FILE_LINES}` }];
}

function largeFunctions(source: ts.SourceFile): TooLarge[] {
  const found: TooLarge[] = [];
  walk(source, (node) => {
    if (!isFunction(node)) return;
    const name = nameOf(node);
    const add = (what: string) =>
      found.push({ file: source.fileName, name, violation: `${placeOf(source, node.getStart())}: ${name} ${what}` });
    const lines = linesOf(source, node) - membersOf(node).reduce((sum, member) => sum + linesOf(source, member), 0);
    if (lines > MAX_FUNCTION_LINES) add(`has ${lines} lines, more than ${MAX_FUNCTION_LINES}`);
    const parameters = isCallback(node) ? 0 : parametersOf(node);
    if (parameters > MAX_PARAMETERS) add(`takes ${parameters} parameters by position, more than ${MAX_PARAMETERS}`);
  });
  return found;
}

type FunctionNode = ts.FunctionLikeDeclaration & { body: ts.Node };

function isFunction(node: ts.Node): node is FunctionNode {
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined;
}

function linesOf(source: ts.SourceFile, node: ts.Node): number {
  const line = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  return line(node.getEnd()) - line(node.getStart()) + 1;
}

/**
 * The functions that are members of object literals within a function. A factory that returns an object of closures
 * is a class in another form: its members are judged one by one, and do not add to its own length.
 */
function membersOf(node: ts.Node): FunctionNode[] {
  const members: FunctionNode[] = [];
  const visit = (child: ts.Node): void => {
    const holder = ts.isPropertyAssignment(child.parent) ? child.parent.parent : child.parent;
    if (isFunction(child) && ts.isObjectLiteralExpression(holder)) members.push(child);
    else ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return members;
}

function nameOf(node: FunctionNode): string {
  if (ts.isConstructorDeclaration(node)) return `constructor of ${node.parent.name?.text ?? "a class"}`;
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  const named = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent);
  return named ? parent.name.getText() : "a function without a name";
}

/** A function written where it is handed over: whoever calls it decides about its parameters. */
function isCallback(node: FunctionNode): boolean {
  const { parent } = node;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression !== node;
}

function parametersOf(node: FunctionNode): number {
  return node.parameters.filter((parameter) => parameter.name.getText() !== "this").length;
}
