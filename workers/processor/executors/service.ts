import type { ServiceHold } from "../../../contract/rpc/service.ts";
import type { HandedOver, Outcome, WorkItem } from "../../../contract/rpc.ts";
import { isServicePath, urlAt } from "../../../domain/service/address.ts";
import { isFairTime } from "../../../domain/service/fair-time.ts";
import type { RequestOutcome } from "../../../domain/service/report.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import type { ServiceTarget } from "../../../domain/target.ts";
import { refusedTarget } from "../../../domain/target-url.ts";
import type { Acquired, Permit, ServiceName, Wanted } from "../services/permit-ports.ts";
import type { Control } from "../work-ports.ts";
import { type Exchange, exchange, type HttpPorts } from "./http.ts";
import { failed } from "./outcome.ts";

export interface ServicePorts extends HttpPorts {
  /** The right to one request of a service, or why there is none now. Never rejects. */
  acquire(service: ServiceName, of: Wanted): Promise<Acquired>;
}

const PATH_REFUSED = "the target's path leads out of the instances of the service";

/** An answer that may not follow another way. */
const NO_SAY = {};

/**
 * Sends jobs to instances of services. A job comes with a permit; one whose permit was lost on the way, and which gets no other, was not
 * begun: it goes back with what the service says. Signed as for HTTP targets; the service's own times hold beside the attempt's. Never rejects.
 */
export function serviceExecutor(ports: ServicePorts) {
  return async (item: WorkItem, target: ServiceTarget, control: Control): Promise<Outcome | HandedOver> => {
    const service = { namespace: item.namespace, name: target.service };
    const { signal, deadlineAt, permit: kept = null } = control;
    // A target that was stored before there was a rule may not keep it.
    if (!isServicePath(target.path)) return failed("target-refused", PATH_REFUSED, { retryable: false });
    const acquired = await ports.acquire(service, { key: item.orderingKey ?? null, signal, deadlineAt, kept });
    if (acquired.type === "held") return notBegun({ service: target.service, refusal: acquired.refusal });
    if (acquired.type === "unknown") {
      return failed("service-not-found", `there is no service ${target.service}`, { retryable: true });
    }
    return send(ports, item, { permit: acquired.permit, path: target.path, control });
  };
}

/** A job that was not begun, because its service takes none now. */
function notBegun(hold: ServiceHold): Outcome {
  const error = { code: "service-held", message: `service ${hold.service} takes no job now`, retryable: true };
  return { ok: false, error, retryAfterMs: 0, putBack: "released", hold };
}

async function send(
  ports: ServicePorts,
  item: WorkItem,
  { permit, path, control }: { permit: Permit; path: string; control: Control },
): Promise<Outcome | HandedOver> {
  const { settings } = permit;
  const url = urlAt(permit.url, path);
  const refused = refusedTarget(url, ports.targets);
  if (refused !== null) {
    // Of this instance: another one may be called.
    permit.end({ ok: false, ms: null });
    return failed("target-refused", `the instance may not be called: ${refused}`, { retryable: true });
  }
  const late = new AbortController();
  const disarm = ports.after(settings.timeoutMs, () => late.abort());
  const deadlineAt = Math.min(control.deadlineAt, ports.now() + settings.timeoutMs);
  const done = await exchange(ports, item, {
    url,
    headers: {},
    signal: AbortSignal.any([control.signal, permit.signal, late.signal]),
    deadlineAt,
    firstByteMs: settings.firstByteTimeoutMs,
    target: NO_SAY,
    once: permit.isProbe,
  });
  disarm();
  const isStopped = control.signal.aborted || permit.signal.aborted;
  const ending =
    late.signal.aborted || !isStopped ? "itself" : ports.now() < control.deadlineAt ? "stopped" : "attempt";
  permit.end(saysOf(done, settings, ending));
  if (permit.signal.aborted && !control.signal.aborted) return failed("permit-lost", PERMIT_LOST, { retryable: true });
  if (late.signal.aborted && (done.status === null || done.brokeOff)) {
    return failed("timeout", `no outcome within ${settings.timeoutMs / 1000} s`, { retryable: true });
  }
  return done.outcome;
}

const PERMIT_LOST = "the permit of the service was not renewed in time";

/** What ended a request: its own end or the service's times; what wants no outcome any more; or the time of the job's attempt. */
type Ending = "itself" | "stopped" | "attempt";

/**
 * What a request says of its instance; null: nothing. Failures are those of Envoy's outlier detection: no answer, none in time, and 5xx; any
 * other answer, 429 too, is one that works. An attempt that is over sooner than is fair says nothing.
 */
function saysOf(
  { sent, status, firstByteMs: ms, brokeOff, tookMs }: Exchange,
  { firstByteTimeoutMs, timeoutMs }: ServiceSettings,
  ending: Ending,
): RequestOutcome | "unsent" | null {
  if (!sent) return "unsent";
  if (status !== null && !brokeOff) return { ok: status < 500, ms };
  const ownMs = brokeOff ? timeoutMs : Math.min(firstByteTimeoutMs, timeoutMs);
  const isFailure = ending === "itself" || (ending === "attempt" && isFairTime(tookMs, ownMs));
  return isFailure ? { ok: false, ms: null } : null;
}
