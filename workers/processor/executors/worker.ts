import { MAX_ERROR_CODE_BYTES, MAX_RESULT_BYTES, MAX_RETRY_AFTER_SECONDS } from "../../../contract/limits.ts";
import type { Outcome, WorkItem } from "../../../contract/rpc.ts";
import { FAILURE_MEMBER, type TargetFailure, type TargetJob } from "../../../contract/target-job.ts";
import { formatTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { WorkerTarget } from "../../../domain/target.ts";
import { traceparentOf } from "../../../domain/trace.ts";
import { type Bindings, isMissing } from "../bindings.ts";
import type { Control } from "../work-ports.ts";
import { failed, ownWords, resultTooLarge, returned } from "./outcome.ts";
import { jsonFaultIn } from "./result-json.ts";

export interface BindingPorts {
  bindings: Bindings;
  /** 16 hex digits, not all zero. */
  spanId(): string;
}

/** Runs jobs in other Workers of the account, by their method `process`. Never rejects. */
export function workerExecutor({ bindings, spanId }: BindingPorts) {
  return async (item: WorkItem, { binding }: WorkerTarget, control: Control): Promise<Outcome> => {
    const worker = bindings.worker(binding);
    // The gateway has checked the name: this processor is of an older deploy, and the next attempt may find a newer.
    if (isMissing(worker)) return failed(worker.code, worker.message, { retryable: true });
    let answer: unknown;
    try {
      answer = await worker.process(targetJob(item, { spanId: spanId(), deadlineAt: control.deadlineAt }));
    } catch (error) {
      return failureOf(error, ownWords(error));
    }
    try {
      return outcomeOf(answer);
    } finally {
      dispose(answer);
    }
  };
}

function targetJob(item: WorkItem, facts: { spanId: string; deadlineAt: number }): TargetJob {
  const { id, namespace, queue, attempt, payload, checkpoint } = item;
  return {
    id,
    namespace,
    queue,
    attempt,
    delivery: item.delivery ?? attempt,
    payload: JSON.parse(payload) as unknown,
    payloadText: payload,
    checkpoint: checkpoint === null ? null : (JSON.parse(checkpoint) as unknown),
    checkpointText: checkpoint,
    traceparent: traceparentOf(id, item.traceparent ?? null, facts.spanId),
    deadline: formatTimestamp(facts.deadlineAt),
  };
}

function outcomeOf(answer: unknown): Outcome {
  if (typeof answer === "object" && answer !== null && Object.hasOwn(answer, FAILURE_MEMBER)) {
    const failure: unknown = (answer as Record<string, unknown>)[FAILURE_MEMBER];
    return failureOf(failure, textOf(failure, "message") ?? "the Worker answered with a failure");
  }
  const fault = jsonFaultIn(answer, MAX_RESULT_BYTES);
  if (fault === null) return returned(answer);
  if (fault === "too-large") return resultTooLarge();
  const { what, pointer } = fault;
  const place = pointer === "" ? "" : ` at ${pointer}`;
  return failed("result-not-json", `the result is not JSON: ${what}${place}`, { retryable: false });
}

/**
 * A failure that was answered, or thrown. Own properties of an error come over RPC where both Workers have a compatibility date of
 * 2026-04-21 or later; the name, by which the client's `NonRetryable` is known, does so too.
 */
function failureOf(said: unknown, message: string): Outcome {
  const { retryable, retryAfter }: { [Name in keyof TargetFailure]?: unknown } = isObject(said) ? said : {};
  const final = retryable === false || textOf(said, "name") === "NonRetryable";
  const waits = typeof retryAfter === "number" && retryAfter >= 0;
  return failed(codeOf(said), message, {
    retryable: !final,
    retryAfterMs: waits ? secondsToMs(Math.min(retryAfter, MAX_RETRY_AFTER_SECONDS)) : null,
  });
}

function codeOf(said: unknown): string {
  const code = textOf(said, "code");
  return code !== null && /^[\x20-\x7e]+$/.test(code) && code.length <= MAX_ERROR_CODE_BYTES ? code : "worker-error";
}

function textOf(said: unknown, member: string): string | null {
  const value: unknown = isObject(said) ? said[member] : undefined;
  return typeof value === "string" ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What an RPC answer holds on the other side is let go of at once, and not with the invocation. A stub is a function. */
function dispose(answer: unknown): void {
  const mayHold = isObject(answer) || typeof answer === "function";
  const release: unknown = mayHold ? (answer as { [Symbol.dispose]?: unknown })[Symbol.dispose] : undefined;
  if (typeof release === "function") release.call(answer);
}
