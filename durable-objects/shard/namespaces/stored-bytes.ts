import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";

/** What changes is written down at the first alarm so long after it did; the cron fires one every minute. */
const WRITE_MS = 10_000;

/**
 * How many bytes the jobs of each namespace take here: payloads, results, errors, and what a row takes besides. Kept in
 * memory, because to add up the payloads of a full shard takes seconds; written down every ten seconds at most and every minute
 * at least, so that a restart knows it, but for what changed since. It wakes nobody: an estimate is worth no alarm of its own.
 * Whoever counts the rows says so by `noteCounted`, and puts it right.
 */
export class StoredBytes {
  readonly #sql: Sql;
  readonly #bytes = new Map<string, number>();
  readonly #unwritten = new Set<string>();
  /** When the oldest change was made that is not written down; null when there is none. */
  #unwrittenSince: number | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const { name, bytes } of sql.all<{ name: string; bytes: number }>("SELECT name, bytes FROM namespace_bytes"))
      this.#bytes.set(name, bytes);
  }

  of(namespace: string): number {
    return this.#bytes.get(namespace) ?? 0;
  }

  /** Whether an alarm that fires at `now` (epoch milliseconds) is to write down what has changed. */
  isOverdue(now: number): boolean {
    return this.#unwrittenSince !== null && this.#unwrittenSince + WRITE_MS <= now;
  }

  /** Changes what a namespace has, when the step has committed. Never below nothing: what is kept is an estimate. */
  add(step: Step, namespace: string, bytes: number): void {
    if (bytes !== 0) step.onCommit(() => this.#set(namespace, Math.max(0, this.of(namespace) + bytes), step.now));
  }

  /** The rows of a namespace were counted: from the commit of this step on that is what it has. */
  noteCounted(step: Step, namespace: string, bytes: number): void {
    step.onCommit(() => this.#set(namespace, bytes, step.now));
  }

  /** A namespace has nothing here any more. */
  forget(step: Step, namespace: string): void {
    this.#sql.run("DELETE FROM namespace_bytes WHERE name = ?", namespace);
    step.onCommit(() => {
      this.#bytes.delete(namespace);
      this.#unwritten.delete(namespace);
    });
  }

  /** Writes down what has changed. 1 row a namespace. */
  write(step: Step): void {
    for (const name of this.#unwritten) {
      const bytes = this.of(name);
      if (bytes === 0) this.#sql.run("DELETE FROM namespace_bytes WHERE name = ?", name);
      else this.#sql.run("INSERT OR REPLACE INTO namespace_bytes VALUES (?, ?)", name, bytes);
    }
    step.onCommit(() => {
      this.#unwritten.clear();
      this.#unwrittenSince = null;
    });
  }

  /** The clock has stepped back: what is to be written is not put off. */
  clamp(now: number): void {
    if (this.#unwrittenSince !== null && this.#unwrittenSince > now) this.#unwrittenSince = now;
  }

  #set(namespace: string, bytes: number, now: number): void {
    if (bytes === 0) this.#bytes.delete(namespace);
    else this.#bytes.set(namespace, bytes);
    this.#unwritten.add(namespace);
    this.#unwrittenSince ??= now;
  }
}

export const STORED_BYTES = new Part("stored bytes", ({ sql }) => new StoredBytes(sql));
