import { call, ok, text } from "./call.ts";
import { PROBLEM_CODE } from "./parameters.ts";

export const PLATFORM_CALLS = {
  explainProblem: call({
    method: "get",
    path: "/problems/{code}",
    parameters: { code: PROBLEM_CODE },
    scope: "public",
    summary: "Explain a kind of problem",
    description:
      "Says what a problem of this kind means, what to do about it, and whether trying again helps. The `type` of every problem leads here.",
    answers: [ok("ProblemType", "What the problem means")],
    problems: ["not-found"],
  }),
  healthz: call({
    method: "get",
    path: "/healthz",
    scope: "public",
    summary: "The process is up",
    description: "Answers as long as the process is up, and asks nothing else.",
    answers: [text("text/plain; charset=utf-8", "It is", "ok\n")],
    problems: [],
  }),
  readyz: call({
    method: "get",
    path: "/readyz",
    scope: "public",
    summary: "Every dependency answers",
    description:
      "Asks D1, KV, the Queues, the Directory and three shards whether they answer, and looks at the age of the last round of the cron, at whether a processor comes for the work that waits for it, and at the room that history has left. Without D1, KV, Queues, rounds, a processor or that room the platform is degraded; without shards it is down. The answer may be a second old.",
    answers: [ok("Ready", "Ready, perhaps degraded"), { status: 503, description: "Down", json: "Ready" }],
    problems: [],
  }),
  metrics: call({
    method: "get",
    path: "/metrics",
    scope: "metrics",
    summary: "OpenMetrics",
    description:
      "Counters and gauges of every shard, and the size of each database, in the OpenMetrics text format. They may be five seconds old. The root key alone can give the scope; where the variable `METRICS` is `public` no key is needed.",
    answers: [
      text("application/openmetrics-text; version=1.0.0; charset=utf-8", "Metrics", 'dure_jobs{state="queued"} 12\n'),
    ],
    problems: [],
  }),
  openapi: call({
    method: "get",
    path: "/openapi.json",
    scope: "public",
    summary: "This document",
    description: "The OpenAPI 3.1 document of this API.",
    answers: [text("application/json", "The document", '{"openapi": "3.1.0"}')],
    problems: [],
  }),
  docs: call({
    method: "get",
    path: "/docs",
    scope: "public",
    summary: "The interactive reference",
    description: "A page that shows every call with its fields, and sends it.",
    answers: [text("text/html; charset=utf-8", "The page", "<!doctype html>")],
    problems: [],
  }),
};
