import { getOperation, listOperations, startOperation } from "./generated/calls.ts";
import type { Operation, OperationList, OperationRequest } from "./generated/types.ts";
import type { PageOptions, WaitOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** Between two looks at an operation that runs. */
const LOOK_MS = 500;
const MAX_LOOK_MS = 5000;

/** One action on every job that a filter selects, done in the background. */
export class Operations {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Resolves when the operation is stored: it is done from then on. Sent again after a lost answer only with an
   * `idempotencyKey`, which answers with the first operation.
   */
  async start(body: OperationRequest, options: { idempotencyKey?: string } = {}): Promise<Operation> {
    const { idempotencyKey } = options;
    return this.#transport.call(startOperation, {
      body,
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      repeatable: idempotencyKey !== undefined,
    });
  }

  /** The operation with how far it is. */
  async get(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<Operation> {
    return this.#transport.call(getOperation, { params: { id }, repeatable: true, signal });
  }

  /** The operation when it is done; or as it is after `timeoutSeconds` (left out: it waits for ever). */
  async wait(id: string, options: WaitOptions = {}): Promise<Operation> {
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
  async list(page: PageOptions = {}): Promise<OperationList> {
    return this.#transport.call(listOperations, { query: page, repeatable: true });
  }
}
