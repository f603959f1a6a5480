import { MAX_BODY_BYTES } from "../../../../contract/limits.ts";
import { http, invalid, isProblem, type Result, tooLarge } from "../../../../contract/problems.ts";
import { parseJson } from "../../json.ts";

/** The body of a request as text, within the limit. `optional`: nothing sent is `{}`, whatever the content type. */
export async function readJson(request: Request, { optional }: { optional: boolean }): Promise<Result<unknown>> {
  const typed = isJson(request.headers.get("content-type"));
  if (!typed && !optional) return NOT_JSON;
  const text = await readText(request);
  if (isProblem(text)) return text;
  if (optional && text === "") return {};
  return typed ? parseJson(text) : NOT_JSON;
}

const NOT_JSON = http.mediaType();

function isJson(contentType: string | null): boolean {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || /^application\/[a-z0-9.-]+\+json$/.test(type);
}

/** Stops reading at the limit, so that a body without an honest length costs no more than one with. */
async function readText(request: Request): Promise<Result<string>> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > MAX_BODY_BYTES) return tooLarge.body(MAX_BODY_BYTES);
  if (request.body === null) return "";
  // A declared length within the limit is enforced by the HTTP layer below.
  const bytes = length === null ? await readCapped(request.body) : new Uint8Array(await request.arrayBuffer());
  if (isProblem(bytes)) return bytes;
  return bytes.length > MAX_BODY_BYTES ? tooLarge.body(MAX_BODY_BYTES) : decode(bytes);
}

async function readCapped(body: ReadableStream<Uint8Array>): Promise<Result<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return tooLarge.body(MAX_BODY_BYTES);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decode(bytes: Uint8Array): Result<string> {
  try {
    return utf8.decode(bytes);
  } catch {
    return invalid.request("The body is not UTF-8.");
  }
}
