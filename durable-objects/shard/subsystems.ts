import type { Migrations } from "../migrate.ts";
import { audit } from "./audit/subsystem.ts";
import { doorbells } from "./doorbells/subsystem.ts";
import { connections } from "./flow/connections-subsystem.ts";
import { deduplication } from "./flow/dedup-subsystem.ts";
import { gates } from "./flow/gates-subsystem.ts";
import { holds } from "./flow/holds-subsystem.ts";
import { orderingKeys } from "./flow/ordering-subsystem.ts";
import { formerQueues } from "./former-queues/subsystem.ts";
import { history } from "./jobs/history-subsystem.ts";
import { idempotency } from "./jobs/idempotency-subsystem.ts";
import { packs } from "./jobs/packs/subsystem.ts";
import { progress } from "./jobs/progress-subsystem.ts";
import { jobs } from "./jobs/subsystem.ts";
import { kernel } from "./kernel/kernel-subsystem.ts";
import type { Subsystem } from "./kernel/subsystem.ts";
import { batches } from "./lifecycle/batches-subsystem.ts";
import { deadlines } from "./lifecycle/deadlines-subsystem.ts";
import { namespaceDeletion } from "./namespace-deletion/subsystem.ts";
import { namespaces } from "./namespaces/subsystem.ts";
import { operations } from "./operations/subsystem.ts";
import { outbox } from "./outbox/subsystem.ts";
import { queues } from "./queues/subsystem.ts";
import { reservations } from "./reservations/subsystem.ts";
import { fires } from "./schedules/fires-subsystem.ts";
import { schedules } from "./schedules/subsystem.ts";
import { subscriptions } from "./subscriptions/subsystem.ts";
import { transactions } from "./transactions/subsystem.ts";

/**
 * What a shard is made of, in the order in which it acts: schemas are made, memory is read, changes of jobs are told and
 * deadlines are kept in this order, those that decide what may start (`ticksBeforeClaims`) before all others. One line a
 * subsystem.
 */
export const SUBSYSTEMS: readonly Subsystem[] = [
  kernel, // facts, sequence, slots: everything else stands on them
  namespaces, // what each may have: asked wherever something comes in
  queues, // rows of jobs name their queue
  packs, // plain jobs, many to a row: jobs count them with the others
  jobs, // rows and counts
  deadlines, // what is due becomes ready or ends, before anything looks at what may start
  history, // an end is logged before anything else follows from it
  progress, // what was said of a job goes with its end
  idempotency,
  reservations, // lines ask who may yet be accepted
  deduplication, // an end opens the job that waits for it …
  orderingKeys, // … and the next of its line, or parks the line
  gates, // after all that opens jobs: what may start is decided at the end of a step
  holds, // what executors have heard of services: claims ask
  connections, // an end gives back what its attempt held, before a claim of the same step looks
  batches,
  outbox, // what a success brings
  transactions,
  schedules, // fires submit jobs
  fires, // the records of what schedules did
  subscriptions, // told of what has become of it all
  operations, // one of them walks a bounded part of its way at each alarm
  namespaceDeletion, // after all of whose rows it deletes
  formerQueues, // the same, of queues whose names others have
  doorbells, // ring for what waits then
  audit, // looks at what all of them have, and changes nothing of it
];

/**
 * A shard's schema. Cloudflare bills rows written, index entries among them, so each table and index says what it costs.
 * Plain jobs, packed: 1 row a submission of up to a hundred, 1 a claim, 1 a report, 2 when they are forgotten. Of its own, a job
 * without keys takes 3 rows at submit (row, ready, queue), 2 at claim (row, due), 1 at report, 1 when it is forgotten.
 */
export const SHARD_MIGRATIONS: Migrations = SUBSYSTEMS.flatMap(({ schema }) => schema ?? []);
