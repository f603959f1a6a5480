import { z } from "zod";
import { ANSWERS, REQUESTS } from "./components.ts";
import { HEADERS, type HeaderName } from "./headers.ts";
import { PROBLEMS, type ProblemCode } from "./problem.ts";
import type { Answer, Route } from "./routes/route.ts";
import { ROUTE_GROUPS } from "./routes.ts";

/** Builds the OpenAPI 3.1 document from the table of routes and the schemas, so that it cannot disagree with them. */

type Json = { [key: string]: unknown };

const ref = (section: string, name: string) => ({ $ref: `#/components/${section}/${name}` });

/** The whole document. `version` is the release. */
export function openapiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const group of ROUTE_GROUPS) {
    for (const route of group.routes) {
      paths[route.path] = { ...paths[route.path], [route.method]: operation(route, group.name) };
    }
  }
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
    tags: ROUTE_GROUPS.map(({ name }) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", bearerFormat: "dure_<keyId>_<secret>" } },
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
      ),
      schemas: { ...schemas(REQUESTS, "input"), ...schemas(ANSWERS, "output") },
    },
  };
}

function operation(route: Route, tag: string): Json {
  const problems = problemsOf(route);
  return {
    operationId: route.id,
    tags: [tag],
    summary: route.summary,
    description: route.scope === "public" ? "Needs no key." : `Scope: ${route.scope}.`,
    security: route.scope === "public" ? [] : [{ key: [] }],
    parameters: parameters(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.bodyOptional !== true,
            content: { "application/json": { schema: ref("schemas", route.body) } },
          },
        }),
    responses: {
      ...Object.fromEntries(route.answers.map((answer) => [answer.status, response(answer, route)])),
      ...problemResponses(problems),
      "4XX": problemResponse("A problem with the request", []),
    },
  };
}

function parameters(route: Route): Json[] {
  const path = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = route.query === undefined ? {} : (z.toJSONSchema(route.query, { io: "input" }).properties ?? {});
  const sends: HeaderName[] = [
    ...(route.sends ?? []),
    ...(route.scope === "public" ? [] : (["Dure-Namespace"] as const)),
  ];
  return [
    ...path,
    ...Object.entries(query).map(([name, schema]) => ({ name, in: "query", required: false, schema })),
    ...sends.map((name) => ({
      name,
      in: "header",
      required: false,
      description: HEADERS[name],
      schema: { type: "string" },
    })),
  ];
}

function response(answer: Answer, route: Route): Json {
  return {
    description: answer.description,
    headers: headers([...(answer.status < 300 ? (route.answersWith ?? []) : []), ...everyHeader(route)]),
    ...(answer.json === undefined ? {} : { content: { "application/json": { schema: ref("schemas", answer.json) } } }),
    ...(answer.type === undefined ? {} : { content: { [answer.type]: {} } }),
  };
}

function everyHeader(route: Route): HeaderName[] {
  return route.scope === "public" ? ["x-request-id"] : ["x-request-id", "RateLimit", "RateLimit-Policy"];
}

function headers(names: HeaderName[]): Json {
  return Object.fromEntries(names.map((name) => [name, ref("headers", name)]));
}

/** What any route with a key, or with a body, may answer, and the route's own. */
function problemsOf(route: Route): ProblemCode[] {
  return [
    ...(route.body === undefined ? [] : (["invalid-request", "body-too-large", "unsupported-media-type"] as const)),
    ...(route.scope === "public"
      ? []
      : (["unauthorized", "forbidden", "namespace-not-found", "rate-limited", "unavailable"] as const)),
    ...route.problems,
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
      const description = names.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; ");
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
      // Zod's own registry holds formats and limits that refinements cannot show.
      Object.assign(jsonSchema, z.globalRegistry.get(zodSchema));
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
