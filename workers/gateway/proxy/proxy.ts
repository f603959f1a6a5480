import { MAX_PROXY_HEAD_BYTES } from "../../../contract/limits.ts";
import { isProblem, type Result, serviceProblem } from "../../../contract/problems.ts";
import { type Forwarded, type Forwarding, type ForwardPorts, forward, type ProxyRequest } from "./forward.ts";
import type { UnderWay } from "./in-flight.ts";
import type { KeptBodies } from "./kept-bodies.ts";
import type { Verdict } from "./known-service.ts";
import type { Later, Observed, ObservedServices } from "./observed-services.ts";
import type { Probe } from "./probes.ts";
import type { Taking } from "./request-body.ts";
import { whenAborted } from "./when-aborted.ts";

/** A call of the proxy. */
export interface ProxyCall {
  namespace: string;
  service: string;
  /** What the head that is sent on has in all, apart from the path of the instance's URL. */
  headBytes: number;
  /** The request that is sent on, without the deadline, which the service's settings say. Its body has `ms` to come. */
  request(taking: Taking): Promise<Result<Omit<ProxyRequest, "deadline">>>;
  /** The caller's own deadline in epoch ms; null where it names none. */
  deadline: number | null;
  /** Aborted when the caller has gone, where the runtime says so. */
  left: AbortSignal;
  later: Later;
}

export interface ProxyPorts extends ForwardPorts {
  services: ObservedServices;
  kept: KeptBodies;
}

/** What came of a call. `signal` is aborted when its answer is of no use any more: it has taken too long, or the caller has gone. */
export interface Proxied extends Omit<Forwarded, "attempt"> {
  signal: AbortSignal;
  /** Says that nothing of it is under way any more. May be called twice. */
  end(): void;
}

/**
 * Sends a request to an instance of a service. It is refused where the breaker is open, and where as many are under way as this
 * isolate may have and too many wait for that to change; and where its head is too large, because an instance may close the connection
 * on that, which nobody could tell from a failure of it.
 */
export async function proxy(call: ProxyCall, ports: ProxyPorts): Promise<Result<Proxied>> {
  const observed = await ports.services.get(call.namespace, call.service, call.later);
  if (isProblem(observed)) return observed;
  const { settings, longestPathBytes } = observed.service;
  const headBytes = call.headBytes + longestPathBytes;
  if (headBytes > MAX_PROXY_HEAD_BYTES) return serviceProblem.head(headBytes);
  const began = ports.now();
  const latest = began + settings.timeoutMs;
  const deadline = Math.min(latest, call.deadline ?? latest);
  if (deadline <= began) return serviceProblem.late(0);
  const whole = new AbortController();
  const gone = new AbortController();
  whenAborted(call.left, () => gone.abort());
  // Whose time is up makes a difference: that of the service speaks against its instance, and the caller's own does not.
  const disarm = ports.after(deadline - began, () => (deadline < latest ? gone : whole).abort());
  const sent = await admitted(call, observed, { deadline, latest, signal: whole.signal, gone: gone.signal, ports });
  if (isProblem(sent)) {
    disarm();
    return sent;
  }
  const end = () => {
    disarm();
    sent.end();
  };
  return { ...sent, signal: AbortSignal.any([whole.signal, gone.signal]), end };
}

interface Sending {
  /** When the answer has to be there for its caller, in epoch ms, and when for the service. */
  deadline: number;
  latest: number;
  /** As `Forwarding` has both. */
  signal: AbortSignal;
  gone: AbortSignal;
  ports: ProxyPorts;
}

async function admitted(
  call: ProxyCall,
  observed: Observed,
  { deadline, ...sending }: Sending,
): Promise<Result<Omit<Proxied, "signal">>> {
  // First of all: a client that sends slowly takes no room, and keeps no probe.
  const { ports, gone } = sending;
  const now = ports.now();
  const { namespace } = call;
  const request = await call.request({ ms: deadline - now, namespace, kept: ports.kept, gone, now });
  if (isProblem(request)) return request;
  try {
    return await passed({ ...request, deadline }, call, { observed, since: ports.now(), ...sending });
  } finally {
    if (request.body.type === "whole") request.body.release();
  }
}

interface Passing extends Omit<Sending, "deadline"> {
  observed: Observed;
  /** Since when it could be sent, in epoch ms. */
  since: number;
}

/** Sends the request as soon as it may be. */
async function passed(request: ProxyRequest, call: ProxyCall, passing: Passing): Promise<Given> {
  const { observed, latest, signal, gone, ports } = passing;
  const { service } = observed;
  const verdict = await verdictOf(observed, ports);
  if (verdict.type === "open") return serviceProblem.open(call.service, verdict.nextMs);
  const { probe } = verdict;
  const place = await placeOf(request, call, { ...passing, probe });
  if (place === CHANGED) {
    const now = await ports.services.get(call.namespace, call.service, call.later);
    return isProblem(now) ? now : passed(request, call, { ...passing, observed: now });
  }
  if (place === null) {
    const isLate = gone.aborted || ports.now() >= request.deadline;
    return isLate ? serviceProblem.late(0) : serviceProblem.full(call.service);
  }
  const end = onceOnly(() => {
    place.end();
    ports.services.ended(observed, call.later);
  });
  if (probe !== null) {
    const told = probed({ ...request, deadline: latest }, { probe, service, gone, ports, end });
    // Before the caller can go: what the runtime was not told of by then it ends with the request.
    call.later(told);
    return Promise.race([told, unwanted(gone)]);
  }
  whenAborted(gone, end);
  return given(await forward(request, service, { probe, signal, gone, ports }), end);
}

type Given = Result<Omit<Proxied, "signal">>;

/** What came of a sending, with the way to end all that is under way of it. */
function given(sent: Result<Forwarded>, end: () => void): Given {
  if (isProblem(sent)) {
    end();
    return sent;
  }
  const { response, attempt, attempts } = sent;
  const endAll = () => {
    attempt.end();
    end();
  };
  return { response, attempts, end: endAll };
}

interface Probing extends Pick<Forwarding, "gone" | "ports"> {
  probe: Probe;
  service: Observed["service"];
  /** Gives its place back. */
  end(): void;
}

/**
 * Sends a probe, which has all the time of the service: it goes on when its caller waits no longer. Else callers in a hurry would use up
 * what probes there are, and the service would never be found to be well.
 */
async function probed(request: ProxyRequest, { probe, service, gone, ports, end }: Probing): Promise<Given> {
  const over = new AbortController();
  const disarm = ports.after(request.deadline - ports.now(), () => over.abort());
  const sending = { probe, signal: over.signal, gone: new AbortController().signal, ports };
  const answer = given(await forward(request, service, sending), end);
  disarm();
  if (isProblem(answer) || !gone.aborted) return answer;
  answer.end();
  // An unread body would hold its connection.
  await answer.response.body?.cancel().catch(() => undefined);
  return serviceProblem.late(1);
}

/** The problem of a caller who waits no longer, as soon as it does not. */
function unwanted(gone: AbortSignal): Promise<Given> {
  return new Promise((resolve) => whenAborted(gone, () => resolve(serviceProblem.late(1))));
}

/** Who waits in the line finds the breaker or the service another than the one that let it in. */
const CHANGED = "changed";
/** Who waits sees to it so often that what is known of the service does not get old. */
const RENEWED_MS = 1_000;

/** Waits for room. Null: there was none for it in time, or its caller has gone. Without a place its probe is given back. */
async function placeOf(
  { deadline }: ProxyRequest,
  { later }: ProxyCall,
  { observed, since, probe, latest, gone, ports }: Passing & { probe: Probe | null },
): Promise<UnderWay | typeof CHANGED | null> {
  const { service, room } = observed;
  let isSent = false;
  const giveBack = onceOnly(() => service.giveBack(probe));
  whenAborted(gone, () => {
    if (!isSent) giveBack();
  });
  const began = ports.now();
  let renewedAt = began;
  const place = await room.enter({
    maxWaiting: service.settings.bulkhead?.maxWaiting ?? 0,
    patienceMs: Math.min(service.settings.firstByteTimeoutMs - Math.abs(began - since), deadline - began),
    gone,
    take: (now) => {
      if (Math.abs(now - renewedAt) >= RENEWED_MS) {
        renewedAt = now;
        ports.services.renew(observed, later);
      }
      if (!ports.services.isKnown(observed) || !service.stillPasses(probe)) return CHANGED;
      return service.enter((probe === null ? deadline : latest) - now, now);
    },
  });
  if (place === null || place === CHANGED || gone.aborted) {
    if (place !== null && place !== CHANGED) place.end();
    giveBack();
    return gone.aborted ? null : place;
  }
  isSent = true;
  return place;
}

function onceOnly(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}

/** Whether the breaker lets one more pass. Where its rest is over, or it is half open, the object is asked: it gives probes. */
async function verdictOf(observed: Observed, ports: ProxyPorts): Promise<Verdict> {
  const verdict = observed.service.verdict(ports.now());
  if (verdict.type === "pass" || verdict.nextMs > 0) return verdict;
  await ports.services.ask(observed);
  return observed.service.verdict(ports.now());
}
