import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import type { TargetJob } from "../../../contract/target-job.ts";

class Counter extends RpcTarget {
  count(): number {
    return 1;
  }
}

const RESULTS: Record<string, () => unknown> = {
  "a map": () => new Map([["a", 1]]),
  bytes: () => ({ file: new Uint8Array(3) }),
  "a stream": () => new Response("text").body,
  "an answer": () => new Response("text"),
  "no number": () => ({ rates: [1, Number.NaN] }),
  "a function": () => () => 1,
  "an object that stays here": () => new Counter(),
  "one within": () => ({ counter: new Counter() }),
  "a function named toJSON": () => ({ a: 1, toJSON: () => 2 }),
  "a date": () => ({ at: new Date(0), never: undefined }),
};

/** Returns to each job what its payload names. */
export class Odd extends WorkerEntrypoint {
  process({ payload }: TargetJob): unknown {
    return RESULTS[String(payload)]?.();
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
