import type { Services } from "../services.ts";
import type { ReadSession } from "./read-session.ts";

/** What a read of jobs needs of its request. */
export interface JobReader {
  services: Services;
  session: ReadSession;
  /** Epoch ms. */
  clock(): number;
  /** Runs something after the answer. */
  later(work: Promise<void>): void;
}
