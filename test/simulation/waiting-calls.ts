/** The calls that one instance of a shard object holds. They end with it: their callers see a connection lost. */
import type { ShardApi } from "../../contract/rpc.ts";
import { COMMANDS } from "../../durable-objects/shard/commands.ts";
import { waitForAnswer } from "../../durable-objects/shard/kernel/call-wait.ts";
import type { Command } from "../../durable-objects/shard/kernel/command.ts";
import type { Engine } from "../../durable-objects/shard/kernel/engine.ts";
import { LongPolls } from "../../durable-objects/shard/kernel/long-poll.ts";
import type { Clock } from "./clock.ts";
import type { Method, Reply, Request, Result } from "./network.ts";

/** Whether calls of this name may be held at all. */
export function mayWait(method: keyof ShardApi): boolean {
  return COMMANDS[method].patience !== undefined;
}

/** The object that held the call is gone. */
class Lost extends Error {}

export class WaitingCalls {
  readonly #polls: LongPolls;
  readonly #endings = new Set<() => void>();
  #lost = false;

  constructor(clock: Clock) {
    this.#polls = new LongPolls(Number.POSITIVE_INFINITY, (ms, wake) => {
      let on = true;
      clock.after(ms, () => {
        if (on && !this.#lost) wake();
      });
      return () => {
        on = false;
      };
    });
  }

  get size(): number {
    return this.#polls.size;
  }

  wake(key: string, most: number): void {
    if (!this.#lost) this.#polls.wake(key, most);
  }

  /** The answer as it goes out in the end; null where the object is gone by then. `run` answers null where it goes with that run. */
  async hold<M extends Method>(
    method: M,
    object: { engine: Engine; now(): number },
    { request, reply, run }: { request: Request<M>; reply: Reply<M>; run(): Reply<M> | null },
  ): Promise<Reply<M> | null> {
    const { patience } = COMMANDS[method] as unknown as Command<Request<M>, Result<M>>;
    if (patience === undefined) return reply;
    const { promise: lost, resolve } = Promise.withResolvers<null>();
    const lose = () => resolve(null);
    this.#endings.add(lose);
    const again = () => {
      const next = this.#lost ? null : run();
      if (next === null) throw new Lost();
      return next as Reply<M> & { result: Result<M> };
    };
    const holder = { ...object, polls: this.#polls, drive: () => undefined };
    const answered = { request, reply: reply as Reply<M> & { result: Result<M> }, run: again };
    try {
      return await Promise.race([lost, waitForAnswer(holder, patience, answered)]);
    } catch (error) {
      if (error instanceof Lost) return null;
      throw error;
    } finally {
      this.#endings.delete(lose);
    }
  }

  /** The object is gone, and with it what it held. */
  lose(): void {
    this.#lost = true;
    for (const end of this.#endings) end();
    this.#endings.clear();
  }
}
