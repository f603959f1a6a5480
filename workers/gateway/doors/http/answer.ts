import type { CallDefinition } from "../../../../contract/http/call.ts";
import { type Problem, problemHeaders, problemView } from "../../../../contract/problems.ts";
import type { Answered, Remarks } from "../../api/answered.ts";
import type { DoorContext } from "./door.ts";
import { streamedAnswer } from "./streamed-answer.ts";

/** Headers that were set before (rate limits, bookmarks) stand on a problem's answer too. */
export function problemAnswer(c: DoorContext, problem: Problem): Response {
  return c.body(JSON.stringify(problemView(problem)), problem.status, problemHeaders(problem));
}

/** What a use case answered, as the call's definition says it over HTTP. */
export function answer(c: DoorContext, definition: CallDefinition, answered: Answered<unknown>): Response {
  remark(c, answered);
  const { view, status, etag, later } = answered;
  if (status === 204) return c.body(null, 204);
  if (etag !== undefined && definition.sends?.includes("If-None-Match") && matches(c, etag)) return c.body(null, 304);
  if (later !== undefined) return streamedAnswer(c, later, view);
  const { type } = definition.answers.find((known) => known.status === status) ?? {};
  if (type !== undefined) return c.body(String(view), status, { "content-type": type });
  return c.body(JSON.stringify(view), status, { "content-type": "application/json" });
}

function remark(c: DoorContext, { replayed, deferred, freshness, etag, headers = {} }: Remarks): void {
  if (replayed) c.header("dure-replayed", "true");
  if (deferred) c.header("dure-accepted", "deferred");
  if (freshness !== undefined) c.header("dure-consistency", freshness.level);
  if (freshness?.level === "eventual") c.header("age", String(freshness.ageSeconds));
  if (etag !== undefined) c.header("etag", etag);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
}

/** Whether `If-None-Match` names the entity tag; weak and strong compare alike for GET (RFC 9110 13.1.2). */
function matches(c: DoorContext, etag: string): boolean {
  const header = c.req.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
