import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CALL_LIST } from "../../../contract/http/calls.ts";
import { openapiDocument } from "../../../contract/openapi.ts";

const root = join(import.meta.dirname, "../../..");
const text = readFileSync(join(root, "openapi.json"), "utf8");

type Document = {
  paths: Record<
    string,
    Record<
      string,
      { operationId: string; security: unknown[]; responses: Record<string, { content?: Record<string, unknown> }> }
    >
  >;
};
const document = JSON.parse(text) as Document;

test("the committed document is the one that the contract makes", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(document).toEqual(JSON.parse(JSON.stringify(openapiDocument(version))));
});

test.each(CALL_LIST.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
  "%s has a scope and a 4xx problem",
  (_, route) => {
    expect(["public", "submit", "read", "work", "admin", "root"]).toContain(route.scope);
    const operation = document.paths[route.path]?.[route.method];
    const problems = Object.entries(operation?.responses ?? {}).filter(([status]) => status.startsWith("4"));
    expect(problems.length).toBeGreaterThan(0);
    for (const [, response] of problems)
      expect(Object.keys(response.content ?? {})).toEqual(["application/problem+json"]);
    expect(operation?.security).toEqual(route.scope === "public" ? [] : [{ key: [] }]);
    if (route.scope !== "public") expect(operation?.responses).toMatchObject({ 401: {}, 403: {}, 429: {} });
  },
);

test("no two operations share an id or a place", () => {
  expect(new Set(CALL_LIST.map(({ id }) => id)).size).toBe(CALL_LIST.length);
  expect(new Set(CALL_LIST.map(({ method, path }) => `${method} ${path}`)).size).toBe(CALL_LIST.length);
});

test("every reference leads somewhere", () => {
  const missing = references(document).filter((reference) => {
    const steps = reference.replace(/^#\//, "").split("/");
    return steps.reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), document) === undefined;
  });
  expect(missing).toEqual([]);
  expect(references(document).length).toBeGreaterThan(100);
});

test("requests refuse unknown fields, answers may grow", () => {
  const { schemas } = (
    JSON.parse(text) as { components: { schemas: Record<string, { additionalProperties?: unknown }> } }
  ).components;
  expect(schemas.SubmitRequest?.additionalProperties).toBe(false);
  expect(schemas.Job).not.toHaveProperty("additionalProperties");
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function references(value: unknown): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : references(inner),
  );
}
