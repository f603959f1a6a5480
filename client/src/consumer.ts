import type { DureBinding } from "./binding.ts";
import { bindingPort } from "./binding-port.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ConsumerRun } from "./consumer-run.ts";
import { consoleLog, type Log, silentLog } from "./log.ts";
import type { Handler } from "./running-job.ts";

export type { DureBinding } from "./binding.ts";
export { DureError, type DureErrorCode, NonRetryable, type ProblemCode } from "./error.ts";
export type * from "./generated/types.ts";
export { defineQueue, type QueueDefinition } from "./queue-definition.ts";
export { type Handler, type HandlerContext, Interrupted, type TypedJob } from "./running-job.ts";
export { ValidationError, type Validator } from "./standard-schema.ts";
export { typedHandler } from "./typed-handler.ts";

/** The code for the jobs of each queue, by the queue's name. */
export type Handlers = Record<string, Handler>;

/** What a consumer does, and how much at once. */
interface Settings<Env> {
  /** By queue; or a function that makes them of the Worker's bindings. */
  handlers: Handlers | ((env: Env) => Handlers);
  /** Jobs at once in one invocation. Default 10. */
  concurrency?: number;
  /** How many seconds lie between a crash and the next attempt; heartbeats come every third of it. Default 30. */
  leaseSeconds?: number;
  /**
   * An invocation claims for so many milliseconds; the jobs it has then are finished. Default 5,000. Cloudflare adds consumers when
   * an invocation ends, so a backlog is met sooner by short ones.
   */
  budgetMs?: number;
  /** Shown in a job's attempts, before a slash and what tells its invocations apart. Default `consumer`. */
  name?: string;
  /** Where it says what happens. Left out: the console. `null`: nowhere. */
  log?: Log | null;
  /** Time, for tests. */
  clock?: Clock;
  /** Randomness, uniform in [0, 1), for tests. */
  random?: () => number;
}

interface Bound<Env> {
  /** The service binding to Dure's entrypoint, which needs the scope `work`. Default: `env.DURE`. */
  dure: (env: Env) => DureBinding;
}

/** What a consumer does, and how it reaches Dure. */
export type ConsumerOptions<Env> = Settings<Env> &
  (Env extends { DURE: DureBinding } ? Partial<Bound<Env>> : Bound<Env>);

/** The part of a Queue's batch that a consumer looks at. */
export interface BellBatch {
  readonly messages: readonly { readonly body: unknown; ack(): void }[];
}

/** What a Worker exports to be called with a Queue's batches. */
export interface Consumer<Env> {
  queue(batch: BellBatch, env: Env): Promise<void>;
}

/**
 * A Worker that runs the jobs of queues whose target is `{"type": "consumer"}`, as the consumer of their lane's Queue:
 *
 * ```ts
 * export default consumer<Env>({ handlers: { emails: async (job) => send(job.payload) } });
 * ```
 *
 * A message of the Queue is a bell: it says that a shard has work in the lane, not which. So each bell asks all queues of
 * `handlers`, one call for each that is empty; they take turns at being asked first. Bells are acknowledged at once, and
 * what comes of them is never thrown: a bell that came to nothing rings again, and the jobs of an invocation that dies run
 * again when their leases end. Handlers are those of a pull worker. A result has to be JSON.
 */
export function consumer<Env = { DURE: DureBinding }>(options: ConsumerOptions<Env>): Consumer<Env> {
  const { concurrency = 10, leaseSeconds = 30, budgetMs = 5_000, name = "consumer" } = options;
  const { handlers, clock = systemClock, random = Math.random } = options as Settings<Env>;
  const log = options.log === null ? silentLog : (options.log ?? consoleLog);
  const { dure = boundAsDure } = options as Partial<Bound<Env>>;
  let invocations = 0;
  return {
    async queue(batch, env) {
      const unreadable = acknowledge(batch);
      for (const body of unreadable) log.error("dure: a message is not a bell of a lane:", textOf(body));
      if (unreadable.length === batch.messages.length) return;
      try {
        const all = Object.entries(typeof handlers === "function" ? handlers(env) : handlers);
        if (all.length === 0) return;
        const first = invocations++ % all.length;
        await new ConsumerRun({
          port: bindingPort(dure(env), { clock, random }),
          handlers: [...all.slice(first), ...all.slice(0, first)],
          concurrency,
          leaseSeconds,
          budgetMs,
          name: `${name}/${crypto.randomUUID()}`,
          log,
        }).run();
      } catch (error) {
        log.error("dure: the consumer has failed:", error);
      }
    },
  };
}

/** Acknowledges everything: what a bell asks for is owed by the shard, not by the message. Answers what is no bell. */
function acknowledge({ messages }: BellBatch): unknown[] {
  for (const message of messages) message.ack();
  return messages.map(({ body }) => body).filter((body) => !isBell(body));
}

/** A `Doorbell` for work. Its schema would bring a library into every consumer. */
function isBell(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  const { v, kind } = body as { v?: unknown; kind?: unknown };
  return v === 1 && kind === "work";
}

function boundAsDure(env: unknown): DureBinding {
  return (env as { DURE: DureBinding }).DURE;
}

function textOf(body: unknown): string {
  try {
    return String(JSON.stringify(body)).slice(0, 200);
  } catch {
    return typeof body;
  }
}
