import { call, ok, text } from "./call.ts";

export const PLATFORM_CALLS = {
  healthz: call({
    method: "get",
    path: "/healthz",
    scope: "public",
    summary: "The process is up",
    answers: [text("text/plain", "It is")],
    problems: [],
  }),
  readyz: call({
    method: "get",
    path: "/readyz",
    scope: "public",
    summary: "Every dependency answers",
    answers: [ok("Ready", "Ready, perhaps degraded"), { status: 503, description: "Down", json: "Ready" }],
    problems: [],
  }),
  metrics: call({
    method: "get",
    path: "/metrics",
    scope: "public",
    summary: "OpenMetrics",
    answers: [text("application/openmetrics-text", "Metrics")],
    problems: [],
  }),
  openapi: call({
    method: "get",
    path: "/openapi.json",
    scope: "public",
    summary: "This document",
    answers: [text("application/json", "OpenAPI 3.1")],
    problems: [],
  }),
  docs: call({
    method: "get",
    path: "/docs",
    scope: "public",
    summary: "The interactive reference",
    answers: [text("text/html", "A page")],
    problems: [],
  }),
};
