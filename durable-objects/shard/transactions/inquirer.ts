import { objectStub } from "../../../contract/object-stub.ts";
import { RPC_VERSION, type TransactionApi } from "../../../contract/rpc.ts";
import { faultText } from "../../../domain/fault.ts";
import type { Driver, DriverHost } from "../kernel/driver.ts";
import { INQUIRIES } from "./inquiries.ts";
import { learnOutcome } from "./transaction.ts";

/** Asks coordinators, and goes by their answers. Without one, the alarm asks again. */
export class Inquirer implements Driver {
  readonly #host: DriverHost;

  constructor(host: DriverHost) {
    this.#host = host;
  }

  drive(): void {
    const inquiries = this.#host.engine.get(INQUIRIES);
    if (inquiries.size === 0) return;
    const asked = [...inquiries];
    inquiries.clear();
    for (const txn of asked) this.#host.waitUntil(this.#ask(txn));
  }

  async #ask(txn: string): Promise<void> {
    const { engine, run, bindings } = this.#host;
    try {
      const env = bindings();
      const coordinator: TransactionApi = objectStub(env.TRANSACTION, txn, env);
      const outcome = await coordinator.outcome({ v: RPC_VERSION });
      await run(() => engine.step((step) => learnOutcome(step, txn, outcome)));
    } catch (error) {
      console.warn(JSON.stringify({ at: "shard.ask", txn, error: faultText(error) }));
    }
  }
}
