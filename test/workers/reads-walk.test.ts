import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../simulation/random.ts";
import { claim, newQueue, submit } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { auditNow } from "./faults.ts";
import { histories } from "./lane.ts";
import { HOUR_MS, type Reader, ReaderRig } from "./readers.ts";

afterEach(resetClock);

const DELETED = "deleted";

/** What a job was, one after the other: no two of one job's are alike. Where a job is not to be found, it is deleted. */
interface Life {
  id: string;
  was: string[];
}

/**
 * A random history of a few jobs, of a history of them that lags behind, and of readers who look now and then. Nothing
 * happens at once here, so it is always known what is: a reader may be told something older, never older than what it
 * was told before or did itself.
 */
class Walk {
  readonly random: Random;
  readonly rig: ReaderRig;
  readonly queue: string;
  readonly lives: Life[] = [];
  readonly readers: { reader: Reader; seen: Map<string, number> }[];
  readonly levels = new Map<string, number>();
  stale = 0;

  constructor(seed: number, rig: ReaderRig, queue: string) {
    this.random = new Random(seed);
    this.rig = rig;
    this.queue = queue;
    this.readers = Array.from({ length: 3 }, () => ({ reader: rig.reader(), seen: new Map() }));
  }

  async step(): Promise<void> {
    const { random } = this;
    const steps: [weight: number, step: () => Promise<void>][] = [
      [3, () => this.submit()],
      [4, () => this.finish()],
      [2, () => this.retry()],
      [1, () => this.remove()],
      [3, () => this.rig.project()],
      [3, () => this.rig.d1.replicate(random.int(1, 3))],
      [2, async () => passTime(random.pick([1000, 61_000]))],
      [1, () => this.forget()],
      [1, () => this.rig.cron()],
      [8, () => this.read()],
      [5, () => this.list()],
    ];
    await random.pick(steps.flatMap(([weight, step]) => Array.from({ length: weight }, () => step)))();
  }

  async submit(): Promise<void> {
    const { id } = await submit({ queue: this.queue, tags: [`n${this.lives.length}`] });
    this.lives.push({ id, was: ["queued/0"] });
    this.#know(id);
  }

  /** Somebody else, or one of the readers, runs a job. */
  async finish(): Promise<void> {
    const [job] = await claim(this.queue, { max: 1 });
    if (job === undefined) return;
    const { reader } = this.#reader();
    const ok = this.random.chance(0.6);
    const path = `/v1/leases/${job.lease}/${ok ? "succeed" : "fail"}`;
    await reader.call("POST", path, { body: ok ? { result: 1 } : { error: { code: "broken" } } });
    this.#changed(job.id, `running/${job.attempt}`);
    this.#changed(job.id, `${ok ? "succeeded" : "failed"}/${job.attempt}`);
    this.#know(job.id, reader);
  }

  async retry(): Promise<void> {
    const failed = this.lives.filter(({ was }) => was.at(-1)?.startsWith("failed"));
    if (failed.length === 0) return;
    const { id, was } = this.random.pick(failed);
    const { reader } = this.#reader();
    const { status } = await reader.call("POST", `/v1/jobs/${id}/retry`);
    expect(status).toBe(200);
    this.#changed(id, `queued/${was.at(-1)?.split("/")[1]}`);
    this.#know(id, reader);
  }

  async remove(): Promise<void> {
    const over = this.lives.filter(({ was }) => /^(succeeded|failed)/.test(was.at(-1) ?? ""));
    if (over.length === 0) return;
    const { id } = this.random.pick(over);
    const { reader } = this.#reader();
    const tag = `n${this.lives.findIndex((life) => life.id === id)}`;
    await reader.operate({ action: "delete", filter: { queue: this.queue, tag } });
    this.#changed(id, DELETED);
    this.#know(id, reader);
  }

  /** What history has leaves the shards. */
  async forget(): Promise<void> {
    passTime(HOUR_MS + 1000);
    for (let i = 0; i < 5; i++) await runAlarms();
  }

  async read(): Promise<void> {
    if (this.lives.length === 0) return;
    const { id } = this.random.pick(this.lives);
    const { reader } = this.#reader();
    const level = this.random.pick(["session", "session", "session", "strong"]);
    const answer = await reader.get(id, level);
    expect([200, 404]).toContain(answer.status);
    this.#told(id, answer.status === 404 ? DELETED : wordOf(answer.body), { reader, level: answer.level });
  }

  async list(): Promise<void> {
    const { reader } = this.#reader();
    const level = this.random.pick(["session", "session", "session", "strong"]);
    const answer = await reader.list(`queue=${this.queue}&limit=200`, level);
    const items = new Map(answer.body.items.map((item) => [item.id, wordOf(item)]));
    for (const { id } of this.lives) this.#told(id, items.get(id) ?? DELETED, { reader, level: answer.level });
  }

  #reader() {
    return this.random.pick(this.readers);
  }

  #changed(id: string, now: string): void {
    this.#life(id).was.push(now);
  }

  #life(id: string): Life {
    const life = this.lives.find((one) => one.id === id);
    if (life === undefined) throw new Error(`${id} was never submitted`);
    return life;
  }

  /** A reader knows what it did itself. */
  #know(id: string, reader?: Reader): void {
    for (const one of this.readers) if (one.reader === reader) one.seen.set(id, this.#life(id).was.length - 1);
  }

  #told(id: string, word: string, { reader, level }: { reader: Reader; level: string | null }): void {
    const { was } = this.#life(id);
    const seen = this.readers.find((one) => one.reader === reader)?.seen ?? new Map<string, number>();
    const index = was.lastIndexOf(word);
    const at = `${id} told as ${word} (${level}), was ${was.join(" ")}, seen ${was[seen.get(id) ?? 0]}`;
    if (index < (level === "strong" ? was.length - 1 : (seen.get(id) ?? 0))) throw new Error(at);
    if (index < was.length - 1) this.stale += 1;
    seen.set(id, index);
    this.levels.set(level ?? "", (this.levels.get(level ?? "") ?? 0) + 1);
  }
}

function wordOf({ state, attempt }: { state: string; attempt: number }): string {
  return `${state}/${attempt}`;
}

describe("whatever the replica has, sessions read their own writes and never go back", () => {
  it.each(Array.from({ length: histories.walks }, (_, i) => i + 1))("history %i", { timeout: 60_000 }, async (seed) => {
    const queue = await newQueue({ retry: { maxAttempts: 1 }, timeout: 86_400, retention: 864_000 });
    const walk = new Walk(seed, await ReaderRig.make(), queue);
    for (let i = 0; i < 120; i++) await walk.step();
    // The history was one in which it mattered.
    expect(walk.levels.get("session")).toBeGreaterThan(3);
    await auditNow();
  });
});
