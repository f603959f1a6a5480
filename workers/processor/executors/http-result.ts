import { MAX_RESULT_BYTES } from "../../../contract/limits.ts";
import { jsonStringWithin } from "./bytes.ts";

/** A response body as a job's result: JSON text, or null when there is none. */
export interface HttpResult {
  result: string | null;
  truncated: boolean;
}

/**
 * Reads a body of at most 256 KiB; the rest is not taken from the network. A JSON body is the result as it stands;
 * any other, and one that was cut, is a JSON string of its text. Rejects when the body breaks off.
 */
export async function readResult(response: Response): Promise<HttpResult> {
  const body = await readBytes(response.body, MAX_RESULT_BYTES);
  // As a stream, a decoder keeps back a character that the cut has split. A mark of byte order is not text.
  const text = new TextDecoder().decode(body.bytes, { stream: body.cut });
  if (text === "") return { result: null, truncated: body.cut };
  if (!body.cut && isJson(response.headers.get("content-type")) && parses(text))
    return { result: text, truncated: false };
  const { json, cut } = jsonStringWithin(text, MAX_RESULT_BYTES);
  return { result: json, truncated: body.cut || cut };
}

async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  max: number,
): Promise<{ bytes: Uint8Array; cut: boolean }> {
  if (body === null) return { bytes: new Uint8Array(0), cut: false };
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
    if (length > max) {
      await reader.cancel();
      break;
    }
  }
  const bytes = new Uint8Array(Math.min(length, max));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, max - at), at);
    at += Math.min(chunk.length, max - at);
  }
  return { bytes, cut: length > max };
}

/** `application/json`, and everything that ends in `+json` (RFC 6839). */
function isJson(contentType: string | null): boolean {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || type.endsWith("+json");
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
