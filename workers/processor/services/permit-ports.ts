import type { ServiceHold, ServiceWorkReply, ServiceWorkRequest } from "../../../contract/rpc/service.ts";
import type { RequestOutcome } from "../../../domain/service/report.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";

/** Why there is no permit, and when it is worth asking again. */
export type Refusal = ServiceHold["refusal"];

/** A service, by its namespace and name. */
export interface ServiceName {
  namespace: string;
  name: string;
}

/** What the pool needs of the invocation that uses it. Each has its own: a call and a timer end with the invocation that made them. */
export interface PermitPorts {
  work(service: ServiceName, request: ServiceWorkRequest): Promise<ServiceWorkReply>;
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off. */
  after(ms: number, wake: () => void): () => void;
}

/** The right to make one request now, and where to. */
export interface Permit {
  url: string;
  settings: ServiceSettings;
  /** It is one of few, by which the service finds out whether its instances work again. */
  isProbe: boolean;
  /** Aborts when the permit is lost: then the request must not go on. */
  signal: AbortSignal;
  /** The request is over, one way or the other. `outcome` null says nothing of its instance, "unsent" that none was made. Called once. */
  end(outcome: RequestOutcome | "unsent" | null): void;
}

/** A permit that is kept for a job which has still to be claimed. It is used by one `acquire`, or given back. */
export interface KeptPermit {
  /** Gives it back. Of one that was used, nothing. */
  release(): void;
}

/** Who wants a permit. */
export interface Wanted {
  /** What requests have in common that should go to one instance; null: nothing. */
  key: string | null;
  signal: AbortSignal;
  /** When it is too late, epoch milliseconds: it is held before that, so that a job which was not begun fails by no timeout. */
  deadlineAt: number;
  /** The one that it was claimed with; null or left out: it has none. */
  kept?: KeptPermit | null;
}

export type Acquired =
  | { type: "permit"; permit: Permit }
  /** There is none now. */
  | { type: "held"; refusal: Refusal }
  /** There is no such service. */
  | { type: "unknown" };

/** What a service gave for jobs that have still to be claimed. */
export interface Reservation {
  permits: KeptPermit[];
  /** As in `ServiceOffer`. */
  refusal?: Refusal | null;
  /** There is no such service: its jobs are to be told. */
  unknown?: boolean;
}

/** Where a work loop has the permits from with which it claims. */
export interface PermitSource {
  /** Permits that nobody here uses, so many at most, at once. */
  spare(service: ServiceName, count: number): KeptPermit[];
  /** Up to `count`, or why there are none. Never rejects. */
  reserve(service: ServiceName, count: number): Promise<Reservation>;
  /** Whether there are permits that nobody here uses, and the rate has given no start for them. */
  lacksStarts(service: ServiceName): boolean;
}
