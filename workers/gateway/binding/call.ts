import { jsonText } from "./json-value.ts";

/** One request to the HTTP API, which is what a call of the binding becomes. */
export interface Call {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
  /** Left out where undefined. */
  headers?: Record<string, string | undefined>;
}

/** The request, without anybody's name on it. Refused (400) when its body is not JSON. */
export function requestOf({ method, path, body, headers = {} }: Call): Request {
  const request = new Request(`https://dure.internal${path}`, {
    method,
    ...(body === undefined ? {} : { body: jsonText(body) }),
  });
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) request.headers.set(name, value);
  }
  if (body !== undefined) request.headers.set("content-type", "application/json");
  return request;
}

export function preferWait(seconds: number): Record<string, string> {
  return { prefer: `wait=${Math.ceil(seconds)}` };
}

/**
 * A name as one segment of a path. What a URL would read as another path (nothing, ".", ".."), or is no text at all,
 * becomes a segment that is no job's, queue's or lease's name, and is refused as such.
 */
export function segment(name: unknown): string {
  const text = typeof name === "string" ? name.slice(0, 1000).toWellFormed() : "";
  return /^\.{0,2}$/.test(text) ? "-" : encodeURIComponent(text);
}
