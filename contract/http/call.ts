import type { z } from "zod";
import type { Scope } from "../admin.ts";
import type { ANSWERS, AnswerName, REQUESTS, RequestName } from "../components.ts";
import type { HeaderName } from "../headers.ts";
import type { ProblemCode } from "../problem.ts";
import type { Parameter } from "./parameters.ts";

/** One good answer of a call. Without `json` the body is empty, or text of `type`. */
export interface Answer {
  status: 200 | 201 | 202 | 204 | 304 | 503;
  /** Left out: what its component says of itself. */
  description?: string;
  json?: AnswerName;
  type?: string;
  /** The beginning of such a text. */
  example?: string;
}

/**
 * The one definition of a call of the API. The HTTP door checks by it, OpenAPI and the client's paths and types are made of
 * it, and the use case behind it has its types from it: `workers/gateway/api/calls.ts`.
 */
export interface CallDefinition {
  method: "get" | "put" | "post" | "patch" | "delete";
  /** With `{parameters}`. */
  path: `/${string}`;
  /** One for each `{parameter}` of the path. */
  parameters?: Record<string, Parameter>;
  /** The scope that the caller's key needs; `root` is the deployment's own key alone, `public` needs none. */
  scope: Scope | "root" | "public";
  /** What to call instead, as a sentence: this one stays for those who use it already. */
  deprecated?: string;
  /** Whether what came of the call goes to the audit log. Left out: see `isAudited`. */
  audited?: boolean;
  /** A few words, without a full stop. */
  summary: string;
  /** Sentences: what the caller may rely on. */
  description: string;
  query?: z.ZodObject;
  body?: RequestName;
  /** Reads the body in place of its schema, where that is quicker, or where parts of it are looked at one by one. */
  parse?: (value: unknown) => z.ZodSafeParseResult<unknown>;
  /** The body may be left out, which is the same as `{}`. */
  bodyOptional?: true;
  /** Request headers, beside `Authorization` and `Dure-Namespace`. */
  sends?: readonly HeaderName[];
  /** Looks at many rows: a namespace may have a few such calls under way at once, and the next is a 429. */
  heavy?: true;
  /** Units of the request budgets that the call takes. Left out: see `costOf`. */
  cost?: number;
  /** Reads or writes jobs: takes a bookmark, and answers with one. */
  bookmark?: true;
  /** Headers of the good answers, beside those of every answer. */
  answersWith?: readonly HeaderName[];
  answers: readonly Answer[];
  /** Beside those that follow from having a key or a body. */
  problems: readonly ProblemCode[];
}

/** Of a call that looks at many rows: it asks every shard, and history. */
const HEAVY_COST = 10;
/** Of a call that asks every shard for a little, or one that begins work on all of them. */
export const SCATTERED_COST = 5;
/** Of a page of settings, and of many jobs in one call. */
export const PAGE_COST = 2;

/** Units of the request budgets that a call takes: one, unless its definition says more. */
export function costOf({ cost, heavy }: Pick<CallDefinition, "cost" | "heavy">): number {
  return cost ?? (heavy ? HEAVY_COST : 1);
}

/** The names in braces of a path. */
export type ParameterOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterOf<Rest>
  : never;

type Described<Path extends string> = [ParameterOf<Path>] extends [never]
  ? unknown
  : { parameters: Record<ParameterOf<Path>, Parameter> };

/** Defines a call: it does not compile when a parameter of its path is not described. */
export function call<const Call extends CallDefinition>(definition: Call & Described<Call["path"]>): Call {
  return definition;
}

/**
 * Whether calls of this kind are written into the audit log: those that say so, and else what changes something and needs
 * the scope `admin` or the root key. So a new call of that kind is audited unless somebody decided otherwise.
 */
export function isAudited({ audited, method, scope }: CallDefinition): boolean {
  return audited ?? (method !== "get" && (scope === "admin" || scope === "root"));
}

/** What the call takes in its query, as its schema has it. */
export type QueryOf<Call extends CallDefinition> = Call extends { query: infer Query extends z.ZodObject }
  ? z.output<Query>
  : null;

/** What the call takes as its body, as its schema has it. */
export type BodyOf<Call extends CallDefinition> = Call extends {
  parse: (value: unknown) => z.ZodSafeParseResult<infer Body>;
}
  ? Body
  : Call extends { body: infer Name extends RequestName }
    ? z.output<(typeof REQUESTS)[Name]>
    : null;

/** What the call answers: JSON, text or nothing. */
export type ViewOf<Call extends CallDefinition> = AnswerView<Call["answers"][number]>;

type AnswerView<One> = One extends { json: infer Name extends AnswerName }
  ? z.output<(typeof ANSWERS)[Name]>
  : One extends { type: string }
    ? string
    : null;

export const ok = <const Name extends AnswerName>(json: Name, description?: string) =>
  ({ status: 200, json, ...(description === undefined ? {} : { description }) }) as const;
export const created = <const Name extends AnswerName>(json: Name, description: string) =>
  ({ status: 201, description, json }) as const;
export const accepted = <const Name extends AnswerName>(json: Name) =>
  ({ status: 202, description: "Durably accepted", json }) as const;
export const gone = { status: 204, description: "Deleted" } as const;
export const text = (type: string, description: string, example: string) =>
  ({ status: 200, description, type, example }) as const;
