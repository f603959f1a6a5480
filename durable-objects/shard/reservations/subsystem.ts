import type { QueueSubsystem } from "../queues/queue-change.ts";
import { RESERVATION_MIGRATIONS } from "./reservation-schema.ts";
import { ANY_RESERVATION, RESERVATIONS, UNDECIDED_AUDIT, UNDECIDED_COUNTS } from "./reservation-store.ts";

/** What jobs of atomic batches hold before they are decided: their keys, their places in lines, their share of a backlog. */
export const reservations: QueueSubsystem = {
  name: "reservations",
  schema: RESERVATION_MIGRATIONS,
  tables: [{ table: "undecided", scope: "slot" }],
  memory: [ANY_RESERVATION, UNDECIDED_COUNTS, RESERVATIONS],
  queues: { holdings: (parts, { ref }) => ({ live: parts.get(UNDECIDED_COUNTS).of(ref) }) },
  audit: { walks: [UNDECIDED_AUDIT] },
};
