import * as z from "zod";
import { ANSWERS, REQUESTS } from "./components.ts";
import { HEADERS, type HeaderName } from "./headers.ts";
import { type Answer, type CallDefinition, costOf } from "./http/call.ts";
import { CALL_GROUPS } from "./http/calls.ts";
import { PROXY, PROXY_METHODS } from "./http/proxy.ts";
import { PROBLEMS, type ProblemCode } from "./problem.ts";

/** Builds the OpenAPI 3.1 document from the definitions of the calls and the schemas, so that it cannot disagree with them. */

type Json = { [key: string]: unknown };

const ref = (section: string, name: string) => ({ $ref: `#/components/${section}/${name}` });

/** The whole document. `version` is the release. */
export function openapiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const { name: tag, calls } of CALL_GROUPS) {
    for (const [id, call] of Object.entries(calls)) {
      paths[call.path] = { ...paths[call.path], [call.method]: operation(call, { id, tag }) };
    }
  }
  paths[PROXY.path] = Object.fromEntries(PROXY_METHODS.map((method) => [method, proxyOperation(method)]));
  return {
    openapi: "3.1.0",
    info: {
      title: "Dure",
      version,
      description:
        "A distributed job platform. Times are RFC 3339; durations are seconds unless the name says otherwise.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: CALL_GROUPS.map(({ name }) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", bearerFormat: "dure_<keyId>_<secret>" } },
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([name, header]) => [name, { ...header, schema: { type: "string" } }]),
      ),
      schemas: { ...schemas(REQUESTS, "input"), ...schemas(ANSWERS, "output") },
    },
  };
}

function operation(call: CallDefinition, { id, tag }: { id: string; tag: string }): Json {
  const problems = problemsOf(call);
  return {
    operationId: id,
    tags: [tag],
    summary: call.summary,
    description: [call.description, ...(call.deprecated === undefined ? [] : [call.deprecated]), scopeText(call)].join(
      "\n\n",
    ),
    ...(call.deprecated === undefined ? {} : { deprecated: true }),
    security: call.scope === "public" ? [] : [{ key: [] }],
    parameters: parameters(call),
    ...(call.body === undefined
      ? {}
      : {
          requestBody: {
            required: call.bodyOptional !== true,
            content: bodyContent(call.method, ref("schemas", call.body)),
          },
        }),
    responses: {
      ...Object.fromEntries(call.answers.map((answer) => [answer.status, response(answer, call)])),
      ...problemResponses(problems),
      "4XX": problemResponse("A problem with the request.", []),
    },
  };
}

/** What is passed on to a service: whatever body it takes, and whatever it answers. */
function proxyOperation(method: (typeof PROXY_METHODS)[number]): Json {
  const id = `invokeService${method.charAt(0).toUpperCase()}${method.slice(1)}`;
  // Its own answers are problems alone; the method counts for those that have a body.
  const { responses, ...rest } = operation({ ...PROXY, method: "get", answers: [] }, { id, tag: "Services" });
  const passedOn = {
    description: "What the instance has answered, whatever that is.",
    headers: headers([...PROXY.answersWith, ...everyHeader({ ...PROXY, method: "get", answers: [] })]),
  };
  return { ...rest, responses: { ...(responses as Json), default: passedOn } };
}

function scopeText(call: CallDefinition): string {
  const { scope } = call;
  if (scope === "public") return "Needs no key.";
  const cost = costOf(call);
  const needs = scope === "root" ? "Needs the root key." : `Needs a key with the scope \`${scope}\`.`;
  return cost === 1 ? needs : `${needs} Takes ${cost} units of the request budgets.`;
}

/** A merge patch has a media type of its own (RFC 7396); that of JSON says as much here. */
function bodyContent(method: CallDefinition["method"], schema: Json): Json {
  const json = { "application/json": { schema } };
  return method === "patch" ? { ...json, "application/merge-patch+json": { schema } } : json;
}

function parameters(call: CallDefinition): Json[] {
  const path = Object.entries(call.parameters ?? {}).map(([name, { description, example }]) => ({
    name,
    in: "path",
    required: true,
    description,
    example,
    schema: { type: "string" },
  }));
  const query =
    call.query === undefined ? {} : (z.toJSONSchema(call.query, { io: "input", override: withMeta }).properties ?? {});
  const sends: HeaderName[] = [
    ...(call.sends ?? []),
    ...(call.bookmark ? (["Dure-Bookmark"] as const) : []),
    ...(call.scope === "public" ? [] : (["Dure-Namespace"] as const)),
  ];
  return [
    ...path,
    ...Object.entries(query).map(([name, schema]) => queryParameter(name, schema)),
    ...sends.map((name) => ({
      name,
      in: "header",
      required: false,
      ...HEADERS[name],
      schema: { type: "string" },
    })),
  ];
}

/** What a query's schema says of itself stands beside it too, where readers of the document look. */
function queryParameter(name: string, schema: Json | boolean): Json {
  const { description, examples } = (typeof schema === "object" ? schema : {}) as {
    description?: string;
    examples?: unknown[];
  };
  return {
    name,
    in: "query",
    required: false,
    ...(description === undefined ? {} : { description }),
    ...(examples?.[0] === undefined ? {} : { example: examples[0] }),
    schema,
  };
}

function response(answer: Answer, call: CallDefinition): Json {
  return {
    description: sentence(answer.description ?? ownDescription(answer)),
    headers: headers([...(answer.status < 300 ? ownHeaders(call) : []), ...everyHeader(call)]),
    ...(answer.json === undefined ? {} : { content: { "application/json": { schema: ref("schemas", answer.json) } } }),
    ...(answer.type === undefined ? {} : { content: { [answer.type]: textContent(answer) } }),
  };
}

/** Text of a type; the document itself is an object like any JSON. */
function textContent({ type, example = "" }: Answer): Json {
  return type === "application/json"
    ? { schema: { type: "object" }, example: JSON.parse(example) as unknown }
    : { schema: { type: "string" }, example };
}

/** What the component that is answered says of itself. */
function ownDescription({ json }: Answer): string {
  return (json === undefined ? undefined : z.globalRegistry.get(ANSWERS[json])?.description) ?? "Done";
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function ownHeaders({ answersWith = [], bookmark }: CallDefinition): HeaderName[] {
  return [...answersWith, ...(bookmark ? (["Dure-Bookmark"] as const) : [])];
}

function everyHeader(call: CallDefinition): HeaderName[] {
  return call.scope === "public" ? ["x-request-id"] : ["x-request-id", "RateLimit", "RateLimit-Policy"];
}

function headers(names: HeaderName[]): Json {
  return Object.fromEntries(names.map((name) => [name, ref("headers", name)]));
}

/** What any call with a key, or with a body, may answer, and the call's own. */
function problemsOf(call: CallDefinition): ProblemCode[] {
  return [
    ...(call.body === undefined ? [] : (["invalid-request", "body-too-large", "unsupported-media-type"] as const)),
    ...(call.scope === "public"
      ? []
      : (["unauthorized", "forbidden", "namespace-not-found", "rate-limited", "unavailable"] as const)),
    ...call.problems,
  ];
}

/** One answer a status: OpenAPI has no more room, so the codes share its description. */
function problemResponses(codes: ProblemCode[]): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => {
      const description = `${names.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; ")}.`;
      return [status, problemResponse(description, status === 429 || status === 503 ? ["Retry-After"] : [])];
    }),
  );
}

function problemResponse(description: string, extra: HeaderName[]): Json {
  return {
    description,
    headers: headers([...extra, "x-request-id"]),
    content: { "application/problem+json": { schema: ref("schemas", "Problem") } },
  };
}

/** JSON Schemas of one table. Answers stay open, because fields may be added to them; requests refuse unknown fields. */
function schemas(table: Record<string, z.ZodType>, io: "input" | "output"): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(table)) registry.add(schema, { id });
  const generated = z.toJSONSchema(registry, {
    io,
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      withMeta({ zodSchema, jsonSchema });
      // Every double that is an integer is in this range: it says nothing.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(
    Object.entries(generated.schemas).map(([id, { $id: _, $schema: __, ...schema }]) => [id, schema]),
  );
}

/** Zod's own registry holds formats and limits that refinements cannot show. */
function withMeta({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Json }): void {
  Object.assign(jsonSchema, z.globalRegistry.get(zodSchema));
}
