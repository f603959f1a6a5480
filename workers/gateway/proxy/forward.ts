import { isProblem, type Result, serviceProblem } from "../../../contract/problems.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { maySendTwice } from "../../../domain/proxy-headers.ts";
import { isFairTime } from "../../../domain/service/fair-time.ts";
import type { RequestOutcome } from "../../../domain/service/report.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { refusedTarget, type TargetRules } from "../../../domain/target-url.ts";
import type { Attempt, KnownService } from "./known-service.ts";
import type { Probe } from "./probes.ts";
import { type ProxyBody, sentBody } from "./request-body.ts";
import { type Sent, sendOnce, type UpstreamPorts, urlWithin } from "./upstream.ts";
import { whenAborted } from "./when-aborted.ts";

/** A request to a service, as it came to the proxy. */
export interface ProxyRequest {
  method: string;
  /** The path behind `proxy`, with its slash, and the query. */
  rest: string;
  /** What is sent on, without the deadline. */
  headers: [name: string, value: string][];
  body: ProxyBody;
  idempotencyKey: string | null;
  /** What requests have in common that should go to one instance. */
  key: string | null;
  /** When its answer has to be there, all of it, in epoch ms. */
  deadline: number;
}

export interface ForwardPorts extends UpstreamPorts {
  random(): number;
  /** Asked at each send: they may have changed since the service was put. */
  targets: TargetRules;
}

/** What a request is sent with. */
export interface Forwarding {
  /** The probe that it is; null where it is none. */
  probe: Probe | null;
  /** Aborted when it has taken all the time that the service gives it. */
  signal: AbortSignal;
  /** Aborted when the caller wants no answer any more: it has gone, or its own deadline has passed. */
  gone: AbortSignal;
  ports: ForwardPorts;
}

/** An answer whose body is not read yet. Whoever reads it ends the attempt. */
export interface Forwarded {
  response: Response;
  attempt: Attempt;
  /** How often the request was sent. */
  attempts: number;
}

/** Statuses of one that stands in front of a service, and has not reached it; a service that is away says 503 itself. */
const UNREACHED = new Set([502, 503, 504]);

/**
 * Sends a request to an instance of the service, and to another where that fails and it may: the request may be sent twice, its body is
 * there, nothing of an answer has come back yet, the caller still wants one, the breaker is closed, and the budget for such has something
 * left. A request that was let through as a probe is sent once.
 */
export async function forward(
  request: ProxyRequest,
  known: KnownService,
  { probe, signal, gone, ports }: Forwarding,
): Promise<Result<Forwarded>> {
  const { retry } = known.settings;
  const mayRepeat =
    probe === null && request.body.type !== "stream" && maySendTwice(request.method, request.idempotencyKey);
  const most = mayRepeat ? retry.attempts : 1;
  const tried = new Set<string>();
  for (let attempts = 1; ; attempts++) {
    const chosen = chosenUrl(request, known, { tried, ports });
    if (isProblem(chosen)) {
      known.giveBack(probe);
      return chosen;
    }
    const attempt = known.begin(chosen.instance, { ms: request.deadline - ports.now(), probe }, ports.now());
    // At once, and not when the request has been given up: with its client the runtime may end what would run then.
    whenAborted(gone, () => {
      attempt.note(null, ports.now());
      attempt.end();
    });
    const sent = await send(request, chosen.url, { known, signal, gone, ports });
    attempt.note(outcomeOf(sent, request.body, known.settings), ports.now());
    tried.add(chosen.instance);
    const isOver = signal.aborted || gone.aborted;
    const repeats = attempts < most && failed(sent) && !isOver && known.mayRetry(ports.now());
    if (!repeats) return answered(sent, attempt, attempts);
    attempt.end();
    // An unread body would hold its connection.
    if (sent.type === "answer") await sent.response.body?.cancel();
  }
}

function chosenUrl(
  request: ProxyRequest,
  known: KnownService,
  { tried, ports }: { tried: ReadonlySet<string>; ports: ForwardPorts },
): Result<{ instance: string; url: string }> {
  const chosen = known.choose({ key: request.key, tried, random: ports.random }, ports.now());
  if (chosen === null) return serviceProblem.noInstance();
  const url = urlWithin(chosen.url, request.rest);
  if (url === null) return serviceProblem.path();
  const refused = refusedTarget(url, ports.targets);
  return refused === null ? { instance: chosen.url, url } : serviceProblem.refused(refused);
}

function send(
  request: ProxyRequest,
  url: string,
  { known, signal, gone, ports }: Omit<Forwarding, "probe"> & { known: KnownService },
): Promise<Sent> {
  const headers = new Headers(request.headers);
  headers.set("dure-deadline", formatTimestamp(request.deadline));
  const { method } = request;
  const body = sentBody(request.body);
  return sendOnce({ url, method, headers, body, firstByteMs: firstByteMsOf(known.settings), signal, gone }, ports);
}

function firstByteMsOf({ firstByteTimeoutMs, retry }: ServiceSettings): number {
  return Math.min(firstByteTimeoutMs, retry.perTryTimeoutMs ?? firstByteTimeoutMs);
}

/**
 * What a sending says of the instance; null where that is nothing. Of a body without a stated length nobody can tell when all of it was sent,
 * nor at which end it broke off: then an answer alone says something, and not how long it took. Nor does a caller that waits for less long
 * than the service may take say anything: one who is in a hurry would take well instances away from all others.
 */
function outcomeOf(sent: Sent, body: ProxyBody, settings: ServiceSettings): RequestOutcome | null {
  const isTold = body.type !== "stream" || body.length !== null;
  switch (sent.type) {
    case "answer":
      return { ok: sent.response.status < 500, ms: isTold ? sent.ms : null };
    case "late":
      return isTold ? { ok: false, ms: sent.ms } : null;
    case "cut":
      // The caller may have spent the rest of the time on sending its body.
      return isTold && isFairTime(sent.ms, ownMsOf(settings)) ? { ok: false, ms: sent.ms } : null;
    case "broken":
      return isTold ? { ok: false, ms: null } : null;
    case "unwanted":
    case "unsent":
      return null;
  }
}

/** How long an answer may take to begin. */
function ownMsOf(settings: ServiceSettings): number {
  return Math.min(firstByteMsOf(settings), settings.timeoutMs);
}

/** Whether another instance might do better. */
function failed(sent: Sent): boolean {
  if (sent.type === "answer") return UNREACHED.has(sent.response.status);
  return sent.type === "late" || sent.type === "broken";
}

function answered(sent: Sent, attempt: Attempt, attempts: number): Result<Forwarded> {
  if (sent.type === "answer") return { response: sent.response, attempt, attempts };
  attempt.end();
  switch (sent.type) {
    case "late":
    case "cut":
    case "unwanted":
      return serviceProblem.late(attempts);
    case "broken":
      return serviceProblem.broken(attempts);
    case "unsent":
      return serviceProblem.unsent();
  }
}
