import { DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS } from "../../../contract/limits.ts";
import type { HandedOver, Outcome, WorkItem } from "../../../contract/rpc.ts";
import { InvalidSpawn } from "../../../contract/spawn.ts";
import { secondsToMs } from "../../../contract/time.ts";
import { faultText } from "../../../domain/fault.ts";
import type { HttpTarget } from "../../../domain/target-secrets.ts";
import { refusedTarget, type TargetRules } from "../../../domain/target-url.ts";
import { type OpenTarget, withCredentials } from "../../crypto/open-target.ts";
import type { TargetOwner } from "../../crypto/places.ts";
import type { Control } from "../work-ports.ts";
import { INVALID_HEADERS, requestHeaders } from "./http-request.ts";
import { readResult } from "./http-result.ts";
import { failed, invalidSpawn, NO_ASYNC, NO_SPAWN, spawnRefused, succeeded, withAllowed } from "./outcome.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { Secrets } from "./webhook.ts";

/** Without secrets nothing can be signed; the attempt is tried again when the database may be back. */
const SECRETS_RETRY_MS = 5_000;

/** Answers of a target that has not looked at the job, where they say with `Retry-After` when it would. */
const DEFERRING = new Set([429, 503]);

/** Of a target whose secrets do not open. */
export const NOT_OPEN = "the target's secrets do not open under the master keys of this deployment";

export interface HttpPorts {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Epoch milliseconds. */
  now(): number;
  /** 16 hex digits, not all zero. */
  spanId(): string;
  /** The target with its secrets; null where one does not open. */
  openTarget(owner: TargetOwner, target: HttpTarget): Promise<OpenTarget | null>;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off, which does nothing afterwards. */
  after(ms: number, wake: () => void): () => void;
  /** Rejects when they cannot be read. */
  secrets(namespace: string): Promise<Secrets>;
  /** Asked at each send: the rules may have changed since the target was stored. */
  targets: TargetRules;
}

/**
 * Sends jobs to HTTP targets. An answer has to begin within a time of its own, so that a target which accepts connections and
 * says nothing holds one no longer than that; what began may take as long as the attempt. 2xx succeeds with the body as result, and brings jobs where the target may; everything else fails the attempt. Redirects are
 * not followed: a target that was allowed could name one that is not. Never rejects.
 */
export function httpExecutor(ports: HttpPorts) {
  return async (
    item: WorkItem,
    target: HttpTarget,
    { signal, deadlineAt }: Pick<Control, "signal" | "deadlineAt">,
  ): Promise<Outcome | HandedOver> => {
    const open = await ports.openTarget({ kind: "queue", namespace: item.namespace, name: item.queue }, target);
    if (open === null)
      return failed("secret-unavailable", NOT_OPEN, { retryable: true, retryAfterMs: SECRETS_RETRY_MS });
    const refused = refusedTarget(open.url, ports.targets);
    if (refused !== null)
      return failed("target-refused", `the target may not be called: ${refused}`, { retryable: false });
    const sent = withCredentials(open);
    const { firstByteTimeout: seconds = DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS } = target;
    const { url, headers } = sent;
    const sending = { url, headers, signal, deadlineAt, firstByteMs: secondsToMs(seconds) };
    const { outcome } = await exchange(ports, item, { ...sending, target });
    return outcome;
  };
}

/** One request to be made of a job. */
export interface Sending {
  url: string;
  /** Headers beside Dure's own. */
  headers: Record<string, string>;
  signal: AbortSignal;
  /** When an answer comes too late, epoch milliseconds. */
  deadlineAt: number;
  /** So long an answer may take to begin. */
  firstByteMs: number;
  /** What may come of an answer. */
  target: Pick<HttpTarget, "spawn" | "async">;
  /** It is not sent again where its connection was lost. */
  once?: boolean;
}

/** What came of a request. */
export interface Exchange {
  outcome: Outcome | HandedOver;
  /** Whether anything was sent. */
  sent: boolean;
  /** The status of the answer; null where none began. */
  status: number | null;
  /** How long the answer took to begin; null where none did. */
  firstByteMs: number | null;
  /** The answer began, and broke off. */
  brokeOff: boolean;
  /** How long all of it took, from its sending on; 0 where nothing was sent. */
  tookMs: number;
}

/** Sends a job, signed, and reads what is answered. Never rejects. */
export async function exchange(ports: HttpPorts, item: WorkItem, sending: Sending): Promise<Exchange> {
  const { signal, firstByteMs } = sending;
  const nothing = { sent: false, status: null, firstByteMs: null, brokeOff: false, tookMs: 0 };
  const headers = await signedHeaders(ports, item, sending);
  if (!(headers instanceof Headers)) return { ...nothing, outcome: headers };
  const late = new AbortController();
  const disarm = ports.after(firstByteMs, () => late.abort());
  const sentAt = ports.now();
  let begun: { status: number; firstByteMs: number } | null = null;
  try {
    const init = {
      method: "POST",
      headers,
      body: item.payload,
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
    } satisfies RequestInit;
    const response = await (sending.once ? ports.fetch(sending.url, init) : send(ports, sending.url, init));
    disarm();
    begun = { status: response.status, firstByteMs: ports.now() - sentAt };
    const outcome = await outcomeOf(response, sending.target, ports.now());
    return { outcome, sent: true, ...begun, brokeOff: false, tookMs: ports.now() - sentAt };
  } catch (error) {
    const brokeOff = begun !== null && !(error instanceof InvalidSpawn);
    const fault = failureOf(error, item, { signal, late: late.signal, firstByteMs });
    return { ...nothing, ...begun, outcome: fault, sent: true, brokeOff, tookMs: ports.now() - sentAt };
  } finally {
    disarm();
  }
}

function failureOf(
  error: unknown,
  item: WorkItem,
  { signal, late, firstByteMs }: { signal: AbortSignal; late: AbortSignal; firstByteMs: number },
): Outcome {
  if (error instanceof InvalidSpawn) return invalidSpawn(error);
  // Also a body that stops midway: its outcome is not known, so the job runs again.
  if (signal.aborted) return failed("timeout", `no outcome within ${item.timeoutMs / 1000} s`, { retryable: true });
  if (late.aborted)
    return failed("first-byte-timeout", `no answer began within ${firstByteMs / 1000} s`, { retryable: true });
  return failed("network-error", faultText(error), { retryable: true });
}

/** What the runtime says of a connection that ended before an answer began. */
const CONNECTION_LOST = "Network connection lost.";

/**
 * Sends a request, and once more where its connection was lost before an answer began. Connections are kept open and used
 * again: a target may close an idle one just as it is taken, and a target that gets the request twice has the job's id.
 */
async function send(ports: HttpPorts, url: string, init: RequestInit): Promise<Response> {
  try {
    return await ports.fetch(url, init);
  } catch (error) {
    const lost = error instanceof Error && error.message.startsWith(CONNECTION_LOST);
    if (!lost || init.signal?.aborted === true) throw error;
    return ports.fetch(url, init);
  }
}

async function signedHeaders(
  ports: HttpPorts,
  item: WorkItem,
  { headers, deadlineAt }: Pick<Sending, "headers" | "deadlineAt">,
): Promise<Headers | Outcome> {
  let secrets: Secrets;
  try {
    secrets = await ports.secrets(item.namespace);
  } catch (error) {
    return failed("secret-unavailable", faultText(error), { retryable: true, retryAfterMs: SECRETS_RETRY_MS });
  }
  try {
    return requestHeaders(item, headers, { secrets, spanId: ports.spanId(), now: ports.now(), deadlineAt });
  } catch {
    // What is thrown quotes the value.
    return failed("invalid-headers", INVALID_HEADERS, { retryable: false });
  }
}

/** An answer with this header, and status 202, says that the job is finished later, by a report of the target's own. */
const ASYNC_HEADER = "dure-async";

/**
 * The target says what may come of its answer: without `spawn` whoever answers, or is echoed, can submit nothing, and without
 * `async` it can hold no job.
 */
async function outcomeOf(
  response: Response,
  { spawn, async }: Sending["target"],
  now: number,
): Promise<Outcome | HandedOver> {
  if (response.ok) {
    const isLater = response.status === 202 && saysTrue(response.headers.get(ASYNC_HEADER));
    if (isLater && async === true) {
      // What the body says is not the result, and unread it would hold its connection.
      await response.body?.cancel();
      return { ok: null };
    }
    const { result, truncated, spawned, ignored } = await readResult(response, { maySpawn: spawn !== undefined, now });
    const outcome = succeeded(result, truncated);
    if (outcome.ok && isLater) return { ...outcome, warning: NO_ASYNC };
    if (outcome.ok && ignored) return { ...outcome, warning: spawnRefused(NO_SPAWN) };
    return spawned === null || spawn === undefined ? outcome : withAllowed(outcome, spawned, spawn);
  }
  // An unread body would hold its connection. What it says is not shown: a target may be somebody else's inside.
  await response.body?.cancel();
  const final = response.status === 410 || response.headers.get("dure-retry")?.trim().toLowerCase() === "no";
  const askedMs = retryAfterMs(response.headers.get("retry-after"), now);
  // It did not try: RFC 6585 (429) and RFC 9110 (503) say when to come again, and nothing of the job.
  const defers = askedMs !== null && !final && DEFERRING.has(response.status);
  return failed(`http-${response.status}`, `the target answered ${response.status} ${response.statusText}`.trim(), {
    retryable: !final,
    retryAfterMs: askedMs,
    ...(defers ? { putBack: "deferred" } : {}),
  });
}

function saysTrue(header: string | null): boolean {
  return header?.trim().toLowerCase() === "true";
}
