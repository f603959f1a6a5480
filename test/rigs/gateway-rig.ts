/** The HTTP API in Node over a shard on SQLite in memory: everything of a request but the network and the platform. */
import { RPC_VERSION, type ShardApi } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { app } from "../../workers/gateway/doors/http/app.ts";
import { MASTER_KEY } from "./master-key.ts";
import { Harness } from "./shard-harness.ts";

export const ROOT_KEY = "dure_root_of-the-rig-and-of-nothing-else-0123456789abcdefghijkl";

export class GatewayRig {
  readonly shard: Harness;
  readonly #env: Env;

  /** One shard with one queue, `q`, of which KV has the settings. */
  constructor(queue: Partial<QueueSettings> = {}) {
    this.shard = new Harness(queue);
    this.#env = environment(this.shard);
  }

  /** One request, answered as a client would read it. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await this.send(requestOf(method, path, body));
    return { status: response.status, body: await response.json() };
  }

  /** The answer to a request as it comes. */
  async send(request: Request): Promise<Response> {
    return app.fetch(request, this.#env, CONTEXT);
  }
}

/** A request with the root key. */
export function requestOf(method: string, path: string, body?: unknown): Request {
  const init = { method, headers: { authorization: `Bearer ${ROOT_KEY}`, "content-type": "application/json" } };
  return new Request(`https://dure.test${path}`, {
    ...init,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const CONTEXT = {
  waitUntil: () => undefined,
  passThroughOnException: () => undefined,
  props: {},
} as unknown as ExecutionContext;

/** What plain calls touch of a deployment's bindings; anything else is missed at once. */
function environment(shard: Harness): Env {
  return {
    DURE_ROOT_KEY: ROOT_KEY,
    DURE_MASTER_KEY: MASTER_KEY,
    RATE_LIMIT: "0",
    WAITS_PER_KEY: "0",
    WAITS_PER_NAMESPACE: "0",
    ALLOW_PRIVATE_TARGETS: "true",
    CACHE: { get: async () => shard.queue, put: async () => undefined },
    SHARD: { getByName: () => api(shard) },
    DIRECTORY: { getByName: () => ({ map: async () => shard.core.map() }) },
    DB: { withSession: () => ({}) },
  } as unknown as Env;
}

/** The shard as RPC shows it: a promise of an answer, under the version of the protocol. */
function api({ core }: Harness): ShardApi {
  const call = (name: keyof ShardApi) => async (request: { v: number }) => {
    if (request.v !== RPC_VERSION) throw new Error(`not a request of this protocol: ${JSON.stringify(request)}`);
    return core.reply(core.call(name, request as never));
  };
  return new Proxy({} as ShardApi, { get: (_, name) => call(name as keyof ShardApi) });
}
