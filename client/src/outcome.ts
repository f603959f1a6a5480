import { NonRetryable } from "./error.ts";
import { MAX_ERROR_CODE_BYTES, MAX_ERROR_MESSAGE_BYTES, MAX_RESULT_BYTES } from "./generated/limits.ts";
import type { ReportRequest, SubmitRequest } from "./generated/types.ts";
import { byteLength, writeJson } from "./json-text.ts";

/** Turns what a handler did into a report that the server will take: a report that it refuses would lose the work. */

/** Of a handler that returned. What JSON cannot hold, or what is too large, is a failure for good. */
export function successReport(lease: string, result: unknown, jobs: readonly SubmitRequest[] = []): ReportRequest {
  const spawn = jobs.length === 0 ? {} : { spawn: [...jobs] };
  let text: string | undefined;
  try {
    text = writeJson(result);
  } catch (error) {
    return failureReport(
      lease,
      new NonRetryable(`the result is not JSON: ${messageOf(error)}`, { code: "result-not-json" }),
    );
  }
  if (text === undefined) return { lease, ok: true, result: null, ...spawn };
  if (byteLength(text) <= MAX_RESULT_BYTES) return { lease, ok: true, result, ...spawn };
  return failureReport(
    lease,
    new NonRetryable(`the result is larger than ${MAX_RESULT_BYTES} bytes`, { code: "result-too-large" }),
  );
}

/** Of a handler that threw. `NonRetryable` fails the job for good; a string `code` on the error is kept. */
export function failureReport(lease: string, thrown: unknown): ReportRequest {
  return {
    lease,
    ok: false,
    error: { code: codeOf(thrown), message: cut(messageOf(thrown)), retryable: !(thrown instanceof NonRetryable) },
  };
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" && /^[\x20-\x7e]+$/.test(code) && code.length <= MAX_ERROR_CODE_BYTES
    ? code
    : "handler-error";
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : "the handler threw something that is not an Error";
}

function cut(message: string): string {
  if (byteLength(message) <= MAX_ERROR_MESSAGE_BYTES) return message;
  return message.slice(0, Math.floor(MAX_ERROR_MESSAGE_BYTES / 3)).toWellFormed();
}
