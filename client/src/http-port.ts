import { claimJobs, extendByLease, releaseByLease, reportJobs } from "./generated/calls.ts";
import type { Transport } from "./transport.ts";
import type { WorkPort } from "./work-port.ts";

/** Dure over HTTP. */
export function httpPort(transport: Transport): WorkPort {
  return {
    clock: transport.clock,
    random: transport.random,
    claim: async (queue, body, signal) => {
      const input = { params: { queue }, body, waitSeconds: body.wait ?? 0, repeatable: false, signal };
      return (await transport.once(claimJobs, input)).data.jobs;
    },
    report: async (reports, { claim, signal }) => {
      const body = claim === undefined ? { reports } : { reports, claim };
      return (await transport.once(reportJobs, { body, repeatable: false, signal })).data;
    },
    release: async (lease, body, signal) =>
      (await transport.once(releaseByLease, { body: { lease, ...body }, repeatable: false, signal })).data,
    extend: async (lease, body, signal) =>
      (await transport.once(extendByLease, { body: { lease, ...body }, repeatable: false, signal })).data,
  };
}
