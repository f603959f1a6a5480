import { isJson } from "../../../contract/json-text.ts";
import { MAX_BODY_BYTES, MAX_RESULT_BYTES } from "../../../contract/limits.ts";
import type { SpawnList } from "../../../contract/spawn.ts";
import { fits, jsonStringWithin } from "./bytes.ts";
import { bringsJobs, refuseCut, refuseNotUtf8, spawnAnswer } from "./http-spawn.ts";

/**
 * A response body as a job's result: JSON text, or null when there is none. `spawned`: the jobs it brings. `ignored`: it would
 * bring jobs, and may not.
 */
export interface HttpResult {
  result: string | null;
  truncated: boolean;
  spawned: SpawnList | null;
  ignored: boolean;
}

/**
 * Keeps at most 256 KiB of a body, having read 1 MiB of one that is JSON. The rest is not taken from the network, or, where it
 * may bring jobs, of a JSON object only looked through for them, which must not be lost: that ends with the attempt at the latest. A JSON
 * body is the result as it stands, to the digit; any other, and one that was cut, nests too deep or is not UTF-8, is a JSON string of its text. Rejects when the
 * body breaks off, and with `InvalidSpawn` when it brings what are no jobs, or more than is kept, or jobs that are not UTF-8.
 */
export async function readResult(
  response: Response,
  { maySpawn, now }: { maySpawn: boolean; now: number },
): Promise<HttpResult> {
  const json = isJsonType(response.headers.get("content-type"));
  const max = json ? MAX_BODY_BYTES : MAX_RESULT_BYTES;
  const body = await readBytes(response.body, json && maySpawn ? { max, look: refuseCut } : { max });
  const text = json && !body.cut ? jsonTextOf(body, maySpawn) : "";
  const answer = maySpawn ? spawnAnswer(text, now) : null;
  if (answer !== null) return { ...wholeOrCut(answer.result), spawned: answer.spawned, ignored: false };
  const kept =
    body.bytes.length > MAX_RESULT_BYTES ? { bytes: body.bytes.subarray(0, MAX_RESULT_BYTES), cut: true } : body;
  const ignored = json && !maySpawn && bringsJobs(body.cut ? textOf(body) : text, body.cut);
  return { ...resultOf(kept, isJson(text)), spawned: null, ignored };
}

interface Bytes {
  bytes: Uint8Array;
  cut: boolean;
}

function resultOf(body: Bytes, isWhole: boolean): Pick<HttpResult, "result" | "truncated"> {
  const text = textOf(body);
  if (text === "") return { result: null, truncated: body.cut };
  if (isWhole && !body.cut) return { result: text.trim(), truncated: false };
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

/** What of a whole body may be JSON, which is UTF-8 (RFC 8259, section 8.1): nothing of any other. Throws where that would bring jobs. */
function jsonTextOf(body: Bytes, maySpawn: boolean): string {
  try {
    return utf8.decode(body.bytes);
  } catch {
    if (maySpawn) refuseNotUtf8(textOf(body));
    return "";
  }
}

/** Throws for what is not UTF-8. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** How much of a body is kept, and who looks through all the text of one that is longer. */
interface Reading {
  max: number;
  look?: (parts: AsyncIterable<string>, max: number) => Promise<void>;
}

async function readBytes(body: ReadableStream<Uint8Array> | null, { max, look }: Reading): Promise<Bytes> {
  if (body === null) return { bytes: new Uint8Array(0), cut: false };
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  while (length <= max) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  const cut = length > max;
  if (cut) await look?.(texts(chunks, reader), max);
  // An unread body would hold its connection.
  if (cut) await reader.cancel();
  const bytes = new Uint8Array(Math.min(length, max));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, max - at), at);
    at += Math.min(chunk.length, max - at);
  }
  return { bytes, cut };
}

/** The text of what was read, and of what comes. Who stops before the end wants no more of it. */
async function* texts(
  read: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  try {
    for (const chunk of read) yield decoder.decode(chunk, { stream: true });
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      yield decoder.decode(next.value, { stream: true });
    }
  } finally {
    await reader.cancel();
  }
}

/** `application/json`, and everything that ends in `+json` (RFC 6839). */
function isJsonType(contentType: string | null): boolean {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || type.endsWith("+json");
}
