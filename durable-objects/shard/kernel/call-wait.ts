import type { Patience } from "./command.ts";
import type { Engine } from "./engine.ts";
import type { LongPolls } from "./long-poll.ts";

/** The object that holds calls. */
export interface Holder {
  engine: Engine;
  polls: LongPolls;
  /** Epoch milliseconds. */
  now(): number;
  /** Sees that the calls are made that rows say are owed to other objects: an answer may wait for them. */
  drive(): void;
}

/** A call that has been answered with `reply`; `run` makes it again. */
export interface Answered<Request, Reply> {
  request: Request;
  reply: Reply;
  run(): Reply;
}

/** Holds an answer, or runs the call again, as long as the call asks for it. */
export async function waitForAnswer<Req, Res, Reply extends { result: Res }>(
  { engine, polls, now: clock, drive }: Holder,
  patience: Patience<Req, Res>,
  { request, reply, run }: Answered<Req, Reply>,
): Promise<Reply> {
  const began = clock();
  let answer = reply;
  try {
    for (let rounds = 0; ; rounds++) {
      const now = clock();
      const call = { request, result: answer.result, rounds, elapsedMs: now - began, now };
      const again = patience.again?.(engine, call) ?? null;
      const wait = again ?? patience.hold?.(engine, call) ?? null;
      if (wait === null || wait.ms <= 0)
        return { ...answer, result: patience.after?.(answer.result, call) ?? answer.result };
      const woken = polls.wait(wait);
      drive();
      await woken;
      if (again !== null) answer = run();
    }
  } finally {
    patience.leave?.(engine, request);
  }
}
