import { type Breach, breach, LimitReached } from "./breaches.ts";
import { Line } from "./line.ts";
import type { PlatformLimits } from "./platform.ts";
import { bytesOf, textBytes } from "./sizes.ts";

const TOO_MANY = "Too many API requests by single Worker invocation.";

/** When each key of KV was written last, by `performance.now()`; of all invocations. */
const written = new Map<string, number>();
/** Bytes that running invocations have taken in, by isolate. */
const alive = new Map<string, number>();

/** Whose invocation it is. */
export interface Invoked {
  /** Invocations of one isolate share its memory: "gateway", "processor", "Shard". */
  isolate: string;
  /** The handler, or the method of an object. */
  event: string;
  /** The object whose event it is. */
  owner?: object;
}

/** A statement for D1, as it is sent. */
export interface Statement {
  sql: string;
  params: unknown[];
}

/** Counts what one invocation uses, and refuses what goes beyond the platform's limits, as the platform does. */
export class Meter {
  readonly owner: object | undefined;
  readonly #name: string;
  readonly #isolate: string;
  readonly #limits: PlatformLimits;
  readonly #connections: Line;
  readonly #queries: Line;
  #subrequests = 0;
  #d1Queries = 0;
  #kvOperations = 0;
  #cpuMs = 0;
  #bytes = 0;
  #going = 0;

  constructor({ isolate, event, owner }: Invoked, limits: PlatformLimits) {
    this.owner = owner;
    this.#name = `${isolate} ${event}`;
    this.#isolate = isolate;
    this.#limits = limits;
    this.#connections = new Line(limits.connections);
    this.#queries = new Line(limits.d1Connections);
  }

  /** One more use of a binding, a request or a use of an edge cache. */
  subrequest(what: string): void {
    this.#atMost("subrequests", ++this.#subrequests, { what, message: "Too many subrequests." });
  }

  /** Runs a call of an object's method. Whether it takes a connection is left open by the documentation, which does not list it. */
  async called(method: string, run: () => unknown): Promise<unknown> {
    this.subrequest(`${method} of an object`);
    return this.took(await run());
  }

  /** Runs a request that takes one of the connections until its headers are there. */
  connected<T>(what: string, run: () => Promise<T>): Promise<T> {
    return this.#inLine(this.#connections, "connections", { what, run });
  }

  /** Runs the statements of one call to D1, whose answer has `results`, one a statement. */
  async queried<T>(statements: Statement[], run: () => Promise<T>, results: (answer: T) => unknown[]): Promise<T> {
    this.subrequest("D1");
    for (const statement of statements) this.#checkStatement(statement);
    const result = await this.#inLine(this.#queries, "d1Connections", { what: "D1", run });
    for (const one of results(result)) {
      this.#atMost("d1ResultBytes", bytesOf(one), { what: "a result", message: "D1_ERROR: result is too large" });
    }
    return this.took(result);
  }

  #checkStatement({ sql, params }: Statement): void {
    const refuse = (message: string) => ({ what: sql.slice(0, 60), message });
    this.#atMost("d1Queries", ++this.#d1Queries, refuse(`D1_ERROR: ${TOO_MANY}`));
    this.#atMost("d1Parameters", params.length, refuse("D1_ERROR: too many SQL variables"));
    this.#atMost("d1SqlBytes", textBytes(sql), refuse("D1_ERROR: statement too long"));
    for (const value of params) {
      const bytes = typeof value === "string" ? textBytes(value) : bytesOf(value);
      this.#atMost("d1ValueBytes", bytes, refuse("D1_ERROR: string or blob too big"));
    }
  }

  /** Runs one use of KV; the keys that it names and, of a write, the value. */
  async kv<T>(
    use: { method: string; keys: string[]; value?: unknown; space: string },
    run: () => Promise<T>,
  ): Promise<T> {
    const { method, keys, value, space } = use;
    this.subrequest(`KV ${method}`);
    const refuse = (message: string) => ({ what: `KV ${method}`, message });
    this.#atMost("kvOperations", ++this.#kvOperations, refuse(TOO_MANY));
    this.#atMost("kvBulkKeys", keys.length, refuse("KV GET_BULK failed: 400 You can request a maximum of 100 keys"));
    for (const key of keys) this.#atMost("kvKeyBytes", textBytes(key), refuse("KV failed: 414 key too long"));
    if (method === "put" || method === "delete") {
      const bytes = typeof value === "string" ? textBytes(value) : bytesOf(value);
      this.#atMost("kvValueBytes", bytes, refuse("KV PUT failed: 413 Value too large"));
      for (const key of keys) throttleWrite(`${space} ${key}`, this.#limits.kvWriteEveryMs, method);
    }
    return this.took(await this.connected(`KV ${method}`, run));
  }

  /** Runs a send of messages to a Queue. */
  async sent<T>(messages: { body: unknown; delaySeconds?: number | undefined }[], run: () => Promise<T>): Promise<T> {
    this.subrequest("Queue send");
    const refuse = (message: string) => ({ what: "Queue send", message: `Queue send failed: ${message}` });
    const { messageOverheadBytes } = this.#limits;
    this.#atMost("batchMessages", messages.length, refuse("Bad Request"));
    let all = 0;
    for (const { body, delaySeconds = 0 } of messages) {
      const bytes = textBytes(JSON.stringify(body) ?? "") + messageOverheadBytes;
      this.#atMost("messageBytes", bytes, refuse("Payload Too Large"));
      this.#atMost("delaySeconds", delaySeconds, refuse("Bad Request"));
      all += bytes;
    }
    this.#atMost("batchBytes", all, refuse("Payload Too Large"));
    return this.connected("Queue send", run);
  }

  /** What came into the invocation and is in memory until it ends, for all that can be seen. Answers it. */
  took<T>(value: T): T {
    if (this.#going === 0) return value;
    const bytes = bytesOf(value);
    this.#bytes += bytes;
    const all = (alive.get(this.#isolate) ?? 0) + bytes;
    alive.set(this.#isolate, all);
    this.#atMost("aliveBytes", all, { what: "memory", message: "Worker exceeded memory limit." });
    return value;
  }

  /** What ran without a pause, in milliseconds of the wall: the CPU that can be seen. */
  ran(ms: number): void {
    this.#cpuMs += ms;
    this.#atMost("cpuMs", this.#cpuMs, { what: "CPU", message: "Worker exceeded CPU time limit." });
  }

  /** The invocation goes on at least until this is settled; after all of it, what it held is garbage. */
  until(work: unknown): void {
    this.#going++;
    const ended = () => {
      this.#going--;
      if (this.#going > 0) return;
      alive.set(this.#isolate, (alive.get(this.#isolate) ?? 0) - this.#bytes);
      this.#bytes = 0;
    };
    Promise.resolve(work).then(ended, ended);
  }

  async #inLine<T>(
    line: Line,
    limit: "connections" | "d1Connections",
    { what, run }: { what: string; run: () => Promise<T> },
  ): Promise<T> {
    const { connectionWaitMs } = this.#limits;
    if (!(await line.take(connectionWaitMs))) {
      const detail = `${what} has waited for ${connectionWaitMs} ms behind ${this.#limits[limit]} that wait for answers`;
      throw breach(this.#breached(limit, detail), "The invocation waits for its own connections.");
    }
    try {
      return await run();
    } finally {
      line.free();
    }
  }

  #atMost(limit: keyof PlatformLimits, used: number, { what, message }: { what: string; message: string }): void {
    if (used <= this.#limits[limit]) return;
    throw breach(this.#breached(limit, `${what}: ${used} of ${this.#limits[limit]}`), message);
  }

  #breached(limit: keyof PlatformLimits, detail: string): Breach {
    return { limit, invocation: this.#name, detail };
  }
}

/** One that writes a key too often is refused and no fault: a writer can know nothing of the others. */
function throttleWrite(key: string, everyMs: number, method: string): void {
  const now = performance.now();
  const last = written.get(key) ?? Number.NEGATIVE_INFINITY;
  if (now - last < everyMs) throw new LimitReached(`KV ${method.toUpperCase()} failed: 429 Too Many Requests`);
  written.set(key, now);
}
