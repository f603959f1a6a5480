/** What the gateway and the processor say to the object of a service, which is named by `serviceObject`. */
import type { InstanceReport } from "../../domain/service/report.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";

/** The name of the object of a service. Names have no slash. */
export function serviceObject(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

export type { InstanceReport };

/**
 * What became of probes of a breaker that is half open. Their outcomes are in the reports of their instances as well. Requests that
 * were begun on what a reply gave for a round are its probes, whatever the breaker has become meanwhile.
 */
export interface ProbeReport {
  /** The `round` of the reply that gave them. */
  round: number;
  succeeded: number;
  failed: number;
  /** Those that are given back unsent. */
  unused: number;
  /** Those that were sent and told nothing of their instance: others in their place are sent after a rest. Left out: none. */
  spent?: number;
}

/**
 * What an executor of jobs says to a service, for all of its jobs at once. A holder has one such call under way at a time. Until the
 * answer it may go on by the last one; whoever never hears an answer goes by the one before, and says so in its next call.
 */
export interface ServiceWorkRequest {
  v: number;
  /**
   * Names the isolate that asks. What it holds comes back by itself when its lease ends: `leaseMs` after it has sent the request
   * whose answer said so. By then it has renewed it, or has nothing under way.
   */
  holder: string;
  /** Permits that the holder needs in all, those that it has in use included. 0 gives all back: it starts none while it says so. */
  need: number;
  /** Of these, how many are in use now. */
  used: number;
  /** What it goes by: `permits` of the last answer that has reached it; 0 before the first, and after its lease has ended. */
  permits: number;
  /** Of the `starts` of that answer, those that it has not made and gives back: it makes none of them any more. 0 where it named none. */
  startsLeft: number;
  /** Requests that are under way at each instance, by its URL. */
  inFlight?: Record<string, number>;
  reports: InstanceReport[];
  /** What became of the holder's probes since its last request. */
  probes?: ProbeReport[];
}

/** Why a service gives no more. Times are milliseconds from the answer on. */
export type ServiceRefusal =
  /** The breaker is open; the next probe may be made after `nextMs`. */
  | { reason: "service-open"; nextMs: number }
  /** All permits are given: `inUse` of `limit`. Asking again is worth it after `nextMs`. */
  | { reason: "bulkhead"; nextMs: number; inUse: number; limit: number }
  /** Its rate is spent until then. */
  | { reason: "rate"; nextMs: number };

/** Why a job goes back unbegun: its service gives no permit, or could not be asked. */
export interface ServiceHold {
  service: string;
  refusal: ServiceRefusal | { reason: "unreachable"; nextMs: number };
}

/** What an executor has of a service for the jobs of a shard, and what the service has said to it. */
export interface ServiceOffer {
  namespace: string;
  service: string;
  /** Permits that it keeps for this call: it is given so many jobs of the service at most. */
  permits: number;
  /** Why the service gave fewer than were asked for. Null: it gave all, a moment ago. Left out: it was not asked of late. */
  refusal?: ServiceHold["refusal"] | null;
  /** It is being asked for more: room is left to other jobs meanwhile. */
  asking?: true;
}

/** A service of which jobs could start that an executor has no permits for. */
export interface ServiceDemand {
  namespace: string;
  service: string;
  /** How many of them its room would have been for. */
  jobs: number;
}

export type ServiceWorkReply =
  | {
      type: "permits";
      /**
       * What the holder may have under way in all. It may be fewer than it uses: then it starts none until it uses fewer. Those beyond
       * what it uses are to be used or given back.
       */
      permits: number;
      /** How many it may start until it asks again. Null: as many as it has permits. Half open, each of them is a probe. */
      starts: number | null;
      leaseMs: number;
      /** Why it was given fewer than it needs; null where it was not. */
      refusal: ServiceRefusal | null;
      snapshot: ServiceSnapshot;
    }
  /** There is no such service, or it is deleted. */
  | { type: "unknown" };

/** Which instances may be asked: what an executor and the proxy choose by. At most two seconds old when it is used. */
export interface ServiceSnapshot {
  settings: ServiceSettings;
  breaker: {
    state: "closed" | "open" | "halfOpen";
    nextProbeMs: number | null;
    /** Half open: names the round of probes. */
    round?: number;
  };
  /** In the order of the settings. */
  instances: InstanceSnapshot[];
}

export interface InstanceSnapshot {
  url: string;
  /** `unhealthy` by health checks, `ejected` for its answers. */
  state: "healthy" | "unhealthy" | "ejected";
  /** For how long it has been in this state, in milliseconds: a healthy one that has just come back starts slowly. */
  sinceMs: number;
  /** What its answers take, in milliseconds, as a peak-sensitive average. Null: not known yet. */
  ewmaMs: number | null;
  /** Jobs and requests under way there, as far as the object knows. */
  inFlight: number;
}

/** What the proxy says to a service now and then, and asks for. */
export interface ServiceObserveRequest {
  v: number;
  /** Names the isolate that asks, as in `ServiceWorkRequest`. */
  holder?: string;
  /** Requests that are under way at each instance, by its URL. */
  inFlight?: Record<string, number>;
  reports: InstanceReport[];
  /** What became of its probes since its last request. */
  probes?: ProbeReport[];
  /** Probes that it has requests for, which it would send now. */
  wantsProbes?: number;
  /** Requests that it has under way, and that wait for room. */
  wants?: number;
}

export type ServiceObserveReply =
  | {
      type: "snapshot";
      snapshot: ServiceSnapshot;
      /** Probes of the snapshot's round that it may send until `leaseMs` from now, and reports. */
      probes?: { count: number; leaseMs: number };
      /** How many requests it may have under way: its part of the bulkhead's limit. Left out: as many as the limit. */
      share?: number;
    }
  | { type: "unknown" };

/** One change of state of an instance, or of the breaker (`url` null). */
export interface ServiceEvent {
  /** Epoch milliseconds. */
  at: number;
  url: string | null;
  from: string;
  to: string;
  /** Why, in a sentence. */
  because: string;
}

/** What a GET of a service shows beside its settings. */
export interface ServiceState {
  breaker: { state: "closed" | "open" | "halfOpen"; nextProbeAt: number | null };
  /** Permits that are given. */
  inFlight: number;
  instances: {
    url: string;
    state: InstanceSnapshot["state"];
    /** Why it is in this state, in a sentence. */
    because: string;
    inFlight: number;
    ewmaMs: number | null;
    /** The part of its requests in the last window that succeeded. Null: there were none. */
    successRate: number | null;
    lastCheck: { at: number; ok: boolean; detail: string } | null;
    /** The last ten changes of its state, newest first. */
    events: ServiceEvent[];
  }[];
  /** The last ten changes of the breaker, newest first. */
  events: ServiceEvent[];
}

/** The RPC surface of a `Service`. */
export interface ServiceApi {
  /** Takes settings that are newer than what it has. Told again and again it changes nothing. */
  configure(request: { v: number; settings: ServiceSettings }): Promise<null>;
  work(request: ServiceWorkRequest): Promise<ServiceWorkReply>;
  observe(request: ServiceObserveRequest): Promise<ServiceObserveReply>;
  /** Null: it knows no such service. */
  state(request: { v: number }): Promise<ServiceState | null>;
}
