import * as z from "zod";
import { ACCEPTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { Cursor, Limit, pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { query } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** The audit log: who did what of the things that change how a deployment works. It never holds a secret or a payload. */

export const AuditLogQuery = query({
  limit: Limit,
  cursor: Cursor.optional(),
  namespace: field(
    Name.optional(),
    "Entries of this namespace alone; another than the key's own only the root key may name. Left out: the key's own, and for the root key all.",
    "acme",
  ),
});
export type AuditLogQuery = z.output<typeof AuditLogQuery>;

const AuditLogEntryView = described(
  z.strictObject({
    id: field(z.string(), "The id of the entry; a later entry has a higher one.", "01m81y5hxdqz3nv8c2ra"),
    at: field(Timestamp, "When the call was answered.", ACCEPTED_AT),
    keyId: field(
      z.string(),
      "Whose call it was: the id of an API key, `root`, `root-previous` for the root key before, or `binding:` and a namespace.",
      "01m81y5hxdfwy87v7akx",
    ),
    namespace: field(
      z.string().nullable(),
      "The namespace that the call was about. Null: the deployment as a whole, which the root key alone is shown.",
      "default",
    ),
    call: field(z.string(), "The name of the call, as in the OpenAPI document.", "pauseQueue"),
    object: field(
      z.string().nullable(),
      "The name or id of what the call was about, cut after 200 characters. Null: the call names nothing.",
      "emails",
    ),
    address: field(
      z.string().nullable(),
      "The address that the request came from. Null: another Worker called by a binding.",
      "203.0.113.7",
    ),
    status: field(z.int(), "The HTTP status of the answer.", 200),
  }),
  "One call that was answered.",
);
export type AuditLogEntryView = z.infer<typeof AuditLogEntryView>;

export const AuditLogView = pageOf(AuditLogEntryView, "Entries of the audit log, the newest first");
export type AuditLogView = z.infer<typeof AuditLogView>;
