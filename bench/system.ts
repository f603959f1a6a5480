import type { Pids } from "./process.ts";

/** What the bench asks of a system under test: the same of the floor and of Dure. */
export interface System {
  name: string;
  /** Accepts one job that nothing runs. */
  submitOne(): Promise<unknown>;
  /** Accepts `n` jobs that nothing runs. */
  submitBatch(n: number): Promise<unknown>;
  /** One pull worker's turn: reports what the last turn took and takes up to 100 more. Returns how many it took. */
  pullTurn(worker: number): Promise<number>;
  /** Accepts one job for the no-op handler. */
  sendOne(): Promise<unknown>;
  /** Accepts `n` jobs for the no-op handler. */
  sendBatch(n: number): Promise<unknown>;
  /** Accepts one job for the no-op handler and is answered when it is final. */
  runOne(): Promise<unknown>;
  /** Of the handler's jobs, so far. */
  counts(): Promise<{ accepted: number; finished: number }>;
  /** The pid of its workerd. */
  pid(): number | null;
  /** All processes that work for it, without the bench. */
  pids(): Pids;
  stop(): Promise<void>;
}

/** A system that is not Dure's kind: it is sent jobs, and runs a no-op for each. */
export type Runner = Pick<System, "name" | "sendOne" | "sendBatch" | "runOne" | "counts" | "pids" | "stop">;

/** 200 bytes of payload a job, as most benchmarks of job systems have it. */
export const PAYLOAD = { text: "x".repeat(188) };
