import { bindingError, type DureBinding } from "./binding.ts";
import type { Clock } from "./clock.ts";
import { forRpc } from "./json-text.ts";
import type { WorkPort } from "./work-port.ts";

/** How long a call may take. A claim that is answered later has leased jobs that nobody runs: their leases end. */
const CALL_MS = 30_000;

/** Dure over a service binding. A call that is aborted goes on at the other end; only its answer is not waited for. */
export function bindingPort(dure: DureBinding, ports: { clock: Clock; random: () => number }): WorkPort {
  const { clock } = ports;
  const once = async <T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> => {
    const ended = AbortSignal.any([signal, clock.deadline(CALL_MS)]);
    try {
      return await Promise.race([call(), whenAborted(ended)]);
    } catch (error) {
      throw bindingError(error);
    }
  };
  return {
    ...ports,
    claim: async (queue, body, signal) => (await once(signal, () => dure.claim(queue, body))).jobs,
    report: (reports, { claim, signal }) =>
      // A result is what its JSON says, as over HTTP: RPC would carry a Date as one, and Dure refuse it.
      once(signal, () => dure.report(asJson(reports), claim === undefined ? {} : { claim })),
    extend: (lease, body, signal) => once(signal, () => dure.extend(lease, asJson(body))),
  };
}

function asJson<T>(value: T): T {
  return forRpc(value) as T;
}

/** Rejects then, with the signal's reason. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
