import * as z from "zod";
import { ACCEPTED_AT, FINISHED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { Timestamp } from "./time.ts";

/** How a service is at the moment: what its object knows of it, and tells whoever reads it. */

const BREAKER_STATES = ["closed", "open", "halfOpen"] as const;
const INSTANCE_STATES = ["healthy", "unhealthy", "ejected"] as const;

const IN_FLIGHT = "as far as it was reported; reports come every few seconds";

const ServiceEventView = described(
  z.strictObject({
    at: field(Timestamp, "When it happened.", FINISHED_AT),
    from: field(z.string(), "The state before.", "healthy"),
    to: field(z.string(), "The state from then on.", "ejected"),
    because: field(z.string(), "Why, in a sentence.", "5 requests in a row failed."),
  }),
  "One change of a state.",
);

const InstanceStateView = described(
  z.strictObject({
    url: field(z.string(), "Names the instance.", "https://mail-1.example.com"),
    state: field(
      z.enum(INSTANCE_STATES),
      "`healthy`: it is asked; `unhealthy`: it fails its checks; `ejected`: it failed what it was asked, and is out for a while. When fewer than half are healthy, all are asked.",
      "healthy",
    ),
    because: field(z.string(), "Why it is in this state, in a sentence.", "Nothing speaks against it."),
    inFlight: field(z.int(), `Requests under way there, ${IN_FLIGHT}.`, 3),
    latencyMs: field(
      z.number().nullable(),
      "What its answers take, in milliseconds: an average that follows a rise at once, and a fall slowly. Null: none is known.",
      38.5,
      null,
    ),
    successRate: field(
      z.number().nullable(),
      "The part of its requests of the last minute that succeeded, 0 to 1. Null: there were none.",
      0.98,
      null,
    ),
    lastCheck: field(
      described(
        z.strictObject({
          at: field(Timestamp, "When it was made.", FINISHED_AT),
          ok: field(z.boolean(), "Whether it passed.", true),
          detail: field(z.string(), "What came of it, in a sentence.", "It answered 200."),
        }),
        "The last health check.",
      ).nullable(),
      "The last health check of it. Null: none was made since the service was last started.",
    ),
    events: field(z.array(ServiceEventView), "The last ten changes of its state, the newest first."),
  }),
  "How one instance is at the moment.",
);

export const ServiceStateView = described(
  z.strictObject({
    breaker: described(
      z.strictObject({
        state: field(
          z.enum(BREAKER_STATES),
          "`closed`: requests pass; `open`: nothing is sent; `halfOpen`: a few probes are.",
          "closed",
        ),
        nextProbeAt: field(
          Timestamp.nullable(),
          "When the next probe may be sent. Null where it is not open.",
          null,
          ACCEPTED_AT,
        ),
      }),
      "The breaker of the service.",
    ),
    inFlight: field(z.int(), "Permits for jobs that are given: as many jobs may be under way at the service.", 12),
    instances: field(z.array(InstanceStateView), "The instances, in the order of the settings."),
    events: field(z.array(ServiceEventView), "The last ten changes of the breaker, the newest first."),
  }),
  "How a service is at the moment.",
);
export type ServiceStateView = z.infer<typeof ServiceStateView>;
