import { MAX_BODY_BYTES, MAX_REPORTS } from "./generated/limits.ts";
import type { ReportRequest } from "./generated/types.ts";
import { byteLength, writeJson } from "./json-text.ts";

/** Leaves room for the envelope and the claim. */
const MAX_BATCH_BYTES = MAX_BODY_BYTES - 16 * 1024;

export interface Pending {
  report: ReportRequest;
  /** At most, of its JSON in UTF-8. */
  bytes: number;
  /** How often it was sent. */
  tries: number;
}

/** Outcomes that the server has not confirmed yet, oldest first. */
export class Outbox {
  #pending: Pending[] = [];
  /** After a batch was refused, its reports go one by one, so that one bad report cannot hold back the rest. */
  #single = false;

  get size(): number {
    return this.#pending.length;
  }

  add(report: ReportRequest): void {
    const text = writeJson(report);
    this.#pending.push({ report, bytes: text.length < 1024 ? text.length * 3 : byteLength(text), tries: 0 });
  }

  /** Takes out what fits into one request. Give back what was not confirmed. */
  take(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.#pending) {
      bytes += item.bytes;
      if (count > 0 && (this.#single || count >= MAX_REPORTS || bytes > MAX_BATCH_BYTES)) break;
      item.tries++;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  giveBack(batch: Pending[]): void {
    this.#pending.unshift(...batch);
  }

  /** The server will never take this request: of a batch each is tried alone, one alone is dropped. */
  refused(batch: Pending[]): void {
    if (batch.length <= 1) return;
    this.#single = true;
    this.giveBack(batch);
  }

  /** All that are left may go together again. */
  confirmed(): void {
    if (this.#pending.length === 0) this.#single = false;
  }
}
