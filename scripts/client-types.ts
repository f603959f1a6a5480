import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import ts from "typescript";

/**
 * What the client knows of the API, made of the OpenAPI document: the types of bodies, answers and queries, a table of the
 * calls, and the codes of problems. The same document makes the same text.
 */

/** The part of the document that is read here; `openapi-typescript` reads the schemas. */
interface Document {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, { description?: string }> };
}

interface OperationObject {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { content?: Content }>;
}

/** By media type. */
type Content = Record<string, { schema?: { $ref?: string } }>;

const HEAD = "// Made from the API's definition by `npm run openapi`. Not to be edited.\n\n";
const JSON_TYPE = "application/json";

/** What the client takes from the contract beside the document: the codes of problems, and limits by their names. */
interface Facts {
  codes: readonly string[];
  limits: Readonly<Record<string, number>>;
}

/** The generated files by their names. Throws for a schema that the document says no sentence of. */
export async function clientSources(document: object, { codes, limits }: Facts): Promise<Map<string, string>> {
  const api = document as Document;
  const nodes = await openapiTS(document as OpenAPI3, { defaultNonNullable: false });
  const list = codes.map((code) => `  ${JSON.stringify(code)},\n`).join("");
  const limitLines = Object.entries(limits).map(([name, limit]) => `export const ${name} = ${limit};\n`);
  return new Map([
    [
      "limits.ts",
      `${HEAD}/** Limits of the API that the client keeps by itself. Sizes are in bytes, times in seconds. */\n\n${limitLines.join("")}`,
    ],
    ["types.ts", `${HEAD}${typesText(api, nodes)}`],
    ["calls.ts", `${HEAD}${callsText(api)}`],
    [
      "problem-codes.ts",
      `${HEAD}/** Every code of a problem that this version of the API answers with. */\nexport const PROBLEM_CODES = [\n${list}] as const;\n`,
    ],
  ]);
}

/** Each schema as a type of its own, and the query of each call that has one. */
function typesText(api: Document, nodes: ts.Node[]): string {
  const schemas = membersOf(memberOf(interfaceOf(nodes, "components"), "schemas"));
  const types = schemas.map((schema) => typeNamed(nameOf(schema), schema.type, aboutSchema(api, nameOf(schema))));
  for (const { operationId, summary, parameters = [] } of v1Operations(api)) {
    if (!parameters.some((parameter) => parameter.in === "query")) continue;
    const operation = membersOf(memberOf(interfaceOf(nodes, "operations"), operationId));
    const query = memberOf(membersOf(memberOf(operation, "parameters")), "query");
    types.push(typeNamed(queryName(operationId), query.type, `The query of the call "${summary}".`));
  }
  return types.map((node) => astToString(node)).join("\n");
}

function aboutSchema(api: Document, name: string): string {
  const about = api.components.schemas[name]?.description;
  if (about === undefined) throw new Error(`the schema ${name} has no description`);
  return about;
}

/** An interface where it can be one. References to other schemas are by their names alone. */
function typeNamed(name: string, type: ts.TypeNode | undefined, about: string): ts.Node {
  if (type === undefined) throw new Error(`${name} has no type`);
  const { factory } = ts;
  const named = withTexts(name, byName(type));
  const exported = [factory.createModifier(ts.SyntaxKind.ExportKeyword)];
  const node = ts.isTypeLiteralNode(named)
    ? factory.createInterfaceDeclaration(exported, name, undefined, undefined, named.members)
    : factory.createTypeAliasDeclaration(exported, name, undefined, named);
  const comment = `*\n * ${about.replaceAll("*/", "*\\/").split("\n").join("\n * ")}\n `;
  return ts.addSyntheticLeadingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, comment, true);
}

/** What may be any JSON value in an answer has its text beside it, once the client has read it. */
function withTexts(schema: string, type: ts.TypeNode): ts.TypeNode {
  if (!ts.isTypeLiteralNode(type) || /(Request|Patch)$/.test(schema)) return type;
  const { factory } = ts;
  const texts = type.members.flatMap((member) => {
    const isAny = ts.isPropertySignature(member) && member.type?.kind === ts.SyntaxKind.UnknownKeyword;
    if (!isAny || !ts.isIdentifier(member.name) || !TEXTS.has(member.name.text)) return [];
    const optional = factory.createToken(ts.SyntaxKind.QuestionToken);
    const text = factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword);
    const name = `${member.name.text}Text`;
    const either = factory.createUnionTypeNode([text, factory.createKeywordTypeNode(ts.SyntaxKind.UndefinedKeyword)]);
    const about = `* @description The text of \`${member.name.text}\`, to the digit: the client adds it, where that is not null. `;
    const added = factory.createPropertySignature(undefined, name, optional, either);
    return [ts.addSyntheticLeadingComment(added, ts.SyntaxKind.MultiLineCommentTrivia, about, true)];
  });
  return texts.length === 0 ? type : factory.createTypeLiteralNode([...type.members, ...texts]);
}

const TEXTS = new Set(["payload", "result", "checkpoint"]);

/** `components["schemas"]["Job"]` becomes `Job`, at any depth. */
function byName(type: ts.TypeNode): ts.TypeNode {
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isIndexedAccessTypeNode(node) && ts.isIndexedAccessTypeNode(node.objectType)) {
      const { indexType } = node;
      if (ts.isLiteralTypeNode(indexType) && ts.isStringLiteral(indexType.literal))
        return ts.factory.createTypeReferenceNode(indexType.literal.text);
    }
    const visited = ts.visitEachChild(node, visit, undefined);
    return ts.isPropertySignature(visited) ? orUndefined(visited) : visited;
  };
  return ts.visitNode(type, visit, ts.isTypeNode);
}

/** What may be left out may be undefined, because JSON leaves that out: also for those who compile with exact optional properties. */
function orUndefined(member: ts.PropertySignature): ts.PropertySignature {
  const { modifiers, name, questionToken, type } = member;
  if (questionToken === undefined || type === undefined || type.kind === ts.SyntaxKind.UnknownKeyword) return member;
  const either = ts.factory.createUnionTypeNode([
    type,
    ts.factory.createKeywordTypeNode(ts.SyntaxKind.UndefinedKeyword),
  ]);
  return ts.factory.updatePropertySignature(member, modifiers, name, questionToken, either);
}

function interfaceOf(nodes: ts.Node[], name: string): ts.PropertySignature[] {
  const found = nodes.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (found === undefined || !ts.isInterfaceDeclaration(found)) throw new Error(`no interface ${name} was generated`);
  return found.members.filter(ts.isPropertySignature);
}

function membersOf({ type }: ts.PropertySignature): ts.PropertySignature[] {
  return type !== undefined && ts.isTypeLiteralNode(type) ? type.members.filter(ts.isPropertySignature) : [];
}

function memberOf(members: ts.PropertySignature[], name: string): ts.PropertySignature {
  const found = members.find((member) => nameOf(member) === name);
  if (found === undefined) throw new Error(`no member ${name} was generated`);
  return found;
}

function nameOf({ name }: ts.PropertySignature): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : "";
}

/** Each call as a constant, so that a bundler keeps those that are used. */
function callsText(api: Document): string {
  const names = new Set<string>();
  const calls: string[] = [];
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(methods)) {
      if (!isCall(path)) continue;
      const { text, types } = callText(operation, { method, path });
      for (const type of types) names.add(type);
      calls.push(text);
    }
  const imported = [...names].sort().map((name) => `  ${name},\n`);
  return [
    'import type { Call } from "../call.ts";\n',
    `import type {\n${imported.join("")}} from "./types.ts";\n\n`,
    calls.join("\n"),
  ].join("");
}

function callText(operation: OperationObject, { method, path }: { method: string; path: string }) {
  const { operationId, summary, parameters = [], requestBody } = operation;
  const params = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `${name}: string`);
  const query = parameters.some((parameter) => parameter.in === "query") ? [queryName(operationId)] : [];
  const [contentType, body] = Object.entries(requestBody?.content ?? {})[0] ?? [JSON_TYPE, null];
  if (contentType !== JSON_TYPE) throw new Error(`${operationId} takes ${contentType}, which the client does not send`);
  const bodies = body === null ? [] : [refName(body)];
  const answers = answersOf(operation);
  const takes = [
    ...(params.length === 0 ? [] : [`params: { ${params.join("; ")} }`]),
    ...query.map((name) => `query?: ${name}`),
    ...bodies.map((name) => `body${requestBody?.required === false ? "?" : ""}: ${name}`),
    `answer: ${answers.length === 0 ? "null" : answers.join(" | ")}`,
  ];
  const fields = [`method: "${method.toUpperCase()}"`, `path: "${path}"`];
  const text = `/** ${summary}. */\nexport const ${operationId}: Call<{ ${takes.join("; ")} }> = { ${fields.join(", ")} };\n`;
  return { text, types: [...query, ...bodies, ...answers].filter((name) => name !== "unknown") };
}

/** The types of the good answers that have a body in JSON. */
function answersOf({ responses }: OperationObject): string[] {
  const bodies = Object.entries(responses).filter(([status]) => status.startsWith("2"));
  const names = bodies.flatMap(([, { content }]) => Object.values(content ?? {}).map(refName));
  return [...new Set(names)];
}

function refName({ schema }: Content[string]): string {
  return schema?.$ref?.split("/").at(-1) ?? "unknown";
}

function queryName(operationId: string): string {
  return `${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}Query`;
}

/** Not those that are passed on to a service, whose bodies and answers nobody here knows. */
function isCall(path: string): boolean {
  return path.startsWith("/v1/") && !path.includes("/proxy/");
}

function v1Operations({ paths }: Document): OperationObject[] {
  return Object.entries(paths)
    .filter(([path]) => isCall(path))
    .flatMap(([, methods]) => Object.values(methods));
}
