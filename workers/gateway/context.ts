import type { Caller } from "./access/auth.ts";
import type { Services } from "./services.ts";
import type { ReadSession } from "./sessions/read-session.ts";

/** A request before anybody knows who makes it. */
export interface Visit {
  readonly services: Services;
  /** Epoch ms. */
  clock(): number;
  /** The host to which the request came, without its port. Null where it came from another Worker. */
  host(): string | null;
  /** Aborted when the caller has gone before it was answered, where the door hears of that. */
  left(): AbortSignal;
  /** Goes on with `work` after the answer. */
  later(work: Promise<unknown>): void;
}

/** What a use case knows of its request, through whichever door it came. */
export interface Context extends Visit {
  /** Who calls, in which namespace, with which scopes. */
  readonly caller: Caller;
  /** Where the request came from; null where that says nothing. */
  readonly address: string | null;
  /** Whether the caller may still do what the call does: its key may have been revoked while it waited. */
  mayGoOn(): Promise<boolean>;
  /** What the caller has seen. It hears what is asked of shards through these `services`. */
  readonly session: ReadSession;
}
