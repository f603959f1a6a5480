import type { ServiceRefusal, ServiceWorkRequest } from "../../../contract/rpc/service.ts";
import { HandedOver } from "./handed-over.ts";
import { Holding, type Reserved } from "./holding.ts";
import { PermitLine } from "./permit-line.ts";
import type { KeptPermit, Refusal, ServiceName } from "./permit-ports.ts";

/** One service as the isolate has it. */
export class Entry {
  readonly service: ServiceName;
  readonly holding = new Holding();
  readonly waiters = new PermitLine();
  readonly handedOver = new HandedOver();
  /** The call under way: when it began, and what it told. */
  call: { at: number; request: ServiceWorkRequest | null } | null = null;
  refusal: { refusal: ServiceRefusal; until: number } | null = null;
  /** When the service last gave all that was asked for. */
  gaveAllAt = Number.NEGATIVE_INFINITY;
  /** When something will be told, or given back; a time that is long over was an invocation's that has ended. */
  tellAt = Number.NEGATIVE_INFINITY;
  /** Failures since the last call. */
  untold = 0;
  idleAt = Number.NEGATIVE_INFINITY;
  takenAt = Number.NEGATIVE_INFINITY;

  constructor(service: ServiceName) {
    this.service = service;
  }

  /** What the service has said that still holds, as of now; null: nothing speaks against asking it. */
  told(now: number): Refusal | null {
    if (this.refusal === null || now >= this.refusal.until) return null;
    return { ...this.refusal.refusal, nextMs: this.refusal.until - now };
  }

  /** Whether it is worth waiting here: what is under way gives its permit to those who wait. */
  mayPark({ reason }: Refusal): boolean {
    return reason === "bulkhead" && this.holding.used > 0;
  }
}

/** A permit that is kept for a job which has still to be claimed. */
export class Kept implements KeptPermit {
  #reserved: Reserved | null;
  readonly #giveBack: (reserved: Reserved) => void;

  constructor(reserved: Reserved, giveBack: (reserved: Reserved) => void) {
    this.#reserved = reserved;
    this.#giveBack = giveBack;
  }

  /** What it is, for whoever uses it; null: it was used, or given back. */
  take(): Reserved | null {
    const reserved = this.#reserved;
    this.#reserved = null;
    return reserved;
  }

  release(): void {
    const reserved = this.take();
    if (reserved !== null) this.#giveBack(reserved);
  }
}
