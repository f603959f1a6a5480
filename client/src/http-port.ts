import { claimJobs, extendByLease, reportJobs } from "./generated/calls.ts";
import type { Transport } from "./transport.ts";
import type { WorkPort } from "./work-port.ts";

/** Dure over HTTP. */
export function httpPort(transport: Transport): WorkPort {
  return {
    clock: transport.clock,
    random: transport.random,
    claim: async (queue, body, signal) => {
      const input = { params: { queue }, body, waitSeconds: body.wait ?? 0, repeatable: false, signal };
      return (await transport.once(claimJobs, input)).jobs;
    },
    report: (reports, { claim, signal }) => {
      const body = claim === undefined ? { reports } : { reports, claim };
      return transport.once(reportJobs, { body, repeatable: false, signal });
    },
    extend: (lease, body, signal) =>
      transport.once(extendByLease, { body: { lease, ...body }, repeatable: false, signal }),
  };
}
