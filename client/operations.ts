import type { Page } from "../contract/list.ts";
import type { OperationBody, OperationView } from "../contract/operation.ts";
import type { Transport } from "./transport.ts";

/** Between two looks at an operation that runs. */
const LOOK_MS = 500;
const MAX_LOOK_MS = 5000;

/** One action on every job that a filter selects, done in the background. */
export class Operations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Resolves when the operation is stored: it is done from then on. Sent again after a lost answer only with an
   * `idempotencyKey`, which answers with the first operation.
   */
  async start(body: OperationBody, options: { idempotencyKey?: string } = {}): Promise<OperationView> {
    const { idempotencyKey } = options;
    const reply = await this.#transport.call<OperationView>({
      method: "POST",
      path: "/v1/operations",
      body,
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      repeatable: idempotencyKey !== undefined,
    });
    return reply.data;
  }

  async get(id: string, options: { signal?: AbortSignal } = {}): Promise<OperationView> {
    const path = `/v1/operations/${encodeURIComponent(id)}`;
    const { signal } = options;
    return (await this.#transport.call<OperationView>({ method: "GET", path, repeatable: true, signal })).data;
  }

  /** The operation when it is done; or as it is after `timeoutSeconds` (default: waits for ever). */
  async wait(id: string, options: { timeoutSeconds?: number; signal?: AbortSignal } = {}): Promise<OperationView> {
    const { clock } = this.#transport;
    const { timeoutSeconds = Number.POSITIVE_INFINITY, signal } = options;
    const until = clock.now() + timeoutSeconds * 1000;
    for (let lookMs = LOOK_MS; ; lookMs = Math.min(lookMs * 2, MAX_LOOK_MS)) {
      const operation = await this.get(id, signal === undefined ? {} : { signal });
      const left = until - clock.now();
      if (operation.state === "done" || left <= 0) return operation;
      await clock.sleep(Math.min(lookMs, left), signal);
    }
  }

  /** One page, newest first. */
  async list(page: { limit?: number; cursor?: string } = {}): Promise<Page<OperationView>> {
    const { limit, cursor } = page;
    const call = { method: "GET", path: "/v1/operations", query: { limit, cursor }, repeatable: true } as const;
    return (await this.#transport.call<Page<OperationView>>(call)).data;
  }
}
