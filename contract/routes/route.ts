import type { z } from "zod";
import type { Scope } from "../admin.ts";
import type { AnswerName, RequestName } from "../components.ts";
import type { HeaderName } from "../headers.ts";
import type { ProblemCode } from "../problem.ts";

export interface Answer {
  status: number;
  description: string;
  /** JSON of this shape; without it the body is empty, or text of `type`. */
  json?: AnswerName;
  type?: string;
}

export interface Route {
  /** The operation's id in OpenAPI. */
  id: string;
  method: "get" | "put" | "post" | "delete";
  /** With `{parameters}`. */
  path: string;
  /** `root` is the deployment's own key; `public` needs none. */
  scope: Scope | "root" | "public";
  summary: string;
  query?: z.ZodObject;
  body?: RequestName;
  /** The body may be left out. */
  bodyOptional?: true;
  /** Request headers, beside `Authorization`. */
  sends?: HeaderName[];
  /** Headers of the good answers, beside those of every answer. */
  answersWith?: HeaderName[];
  answers: Answer[];
  /** Beside those that follow from having a key or a body. */
  problems: ProblemCode[];
}

export const ok = (json: AnswerName, description = "Done"): Answer => ({ status: 200, description, json });
export const created = (json: AnswerName, description: string): Answer => ({ status: 201, description, json });
export const accepted = (json: AnswerName): Answer => ({ status: 202, description: "Durably accepted", json });
export const gone: Answer = { status: 204, description: "Deleted" };
export const text = (type: string, description: string): Answer => ({ status: 200, description, type });
