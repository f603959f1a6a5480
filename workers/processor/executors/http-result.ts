import { MAX_BODY_BYTES, MAX_RESULT_BYTES } from "../../../contract/limits.ts";
import type { SpawnList } from "../../../contract/spawn.ts";
import { fits, jsonStringWithin } from "./bytes.ts";
import { refuseCut, spawnAnswer } from "./http-spawn.ts";

/** A response body as a job's result: JSON text, or null when there is none. `spawned`: the jobs it brings. */
export interface HttpResult {
  result: string | null;
  truncated: boolean;
  spawned: SpawnList | null;
}

/**
 * Reads a body of at most 256 KiB, or 1 MiB where it is JSON and may bring jobs; the rest is not taken from the network. A
 * JSON body is the result as it stands; any other, and one that was cut, is a JSON string of its text. Rejects when the
 * body breaks off, and with `InvalidSpawn` when it brings what are no jobs.
 */
export async function readResult(response: Response, now: number): Promise<HttpResult> {
  const json = isJson(response.headers.get("content-type"));
  const body = await readBytes(response.body, json ? MAX_BODY_BYTES : MAX_RESULT_BYTES);
  const text = textOf(body);
  if (json && body.cut) refuseCut(text, MAX_BODY_BYTES);
  const parsed = json && !body.cut && parses(text);
  const answer = parsed ? spawnAnswer(text, now) : null;
  if (answer !== null) return { ...wholeOrCut(answer.result), spawned: answer.spawned };
  const kept =
    body.bytes.length > MAX_RESULT_BYTES ? { bytes: body.bytes.subarray(0, MAX_RESULT_BYTES), cut: true } : body;
  return { ...resultOf(kept, parsed), spawned: null };
}

interface Bytes {
  bytes: Uint8Array;
  cut: boolean;
}

function resultOf(body: Bytes, parsed: boolean): Pick<HttpResult, "result" | "truncated"> {
  const text = textOf(body);
  if (text === "") return { result: null, truncated: body.cut };
  if (parsed && !body.cut) return { result: text, truncated: false };
  const { json, cut } = jsonStringWithin(text, MAX_RESULT_BYTES);
  return { result: json, truncated: body.cut || cut };
}

function wholeOrCut(result: string): Pick<HttpResult, "result" | "truncated"> {
  if (fits(result, MAX_RESULT_BYTES)) return { result, truncated: false };
  return { result: jsonStringWithin(result, MAX_RESULT_BYTES).json, truncated: true };
}

/** As a stream, a decoder keeps back a character that the cut has split. A mark of byte order is not text. */
function textOf({ bytes, cut }: Bytes): string {
  return new TextDecoder().decode(bytes, { stream: cut });
}

async function readBytes(body: ReadableStream<Uint8Array> | null, max: number): Promise<Bytes> {
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
