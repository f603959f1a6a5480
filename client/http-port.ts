import type { ClaimView, ExtendView, ReportsView } from "../contract/pull.ts";
import { leasePath } from "./leases.ts";
import { queuePath } from "./queues.ts";
import type { Transport } from "./transport.ts";
import type { WorkPort } from "./work-port.ts";

/** Dure over HTTP. */
export function httpPort(transport: Transport): WorkPort {
  const post = async <T>(path: string, body: unknown, options: { signal: AbortSignal; waitSeconds?: number }) =>
    (await transport.once<T>({ method: "POST", path, body, repeatable: false, ...options })).data;
  return {
    clock: transport.clock,
    random: transport.random,
    claim: async (queue, body, signal) => {
      const waitSeconds = body.wait ?? 0;
      return (await post<ClaimView>(`${queuePath(queue)}/claim`, body, { signal, waitSeconds })).jobs;
    },
    report: (reports, { claim, signal }) => {
      const body = claim === undefined ? { reports } : { reports, claim };
      return post<ReportsView>("/v1/reports", body, { signal });
    },
    extend: (lease, body, signal) => post<ExtendView>(`${leasePath(lease)}/extend`, body, { signal }),
  };
}
