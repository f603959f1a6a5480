import { canonicalJson } from "../../../contract/canonical-json.ts";
import { sha256Hex, toHex } from "../../../contract/hash.ts";
import { MAX_RUNNING_OPERATIONS } from "../../../contract/limits.ts";
import type { OperationBody } from "../../../contract/operation.ts";
import { full, idempotency, isProblem, type Problem, type Result } from "../../../contract/problems.ts";
import type { OperationProgress } from "../../../contract/rpc.ts";
import { OPERATION_KEPT_MS, sumCounts } from "../../../domain/operation.ts";
import { type Db, primary } from "../../db/client.ts";
import {
  findOperation,
  finishOperation,
  forgetOperations,
  insertOperation,
  type OperationRow,
  openOperations,
} from "../../db/operations.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";
import { stepHistory } from "./operation-history.ts";
import { shardOperation } from "./operation-view.ts";

const ID_DIGITS = 32;
/** How long a request goes on driving its operation after it was answered, or cron; the next run does the rest. */
const DRIVE_MS = 20_000;
/** Steps over history in one run, after an answer and of the cron: a step makes four queries of D1, of a retry up to nine. */
const STEPS_AFTER_ANSWER = 50;
const STEPS_OF_CRON = 15;
/** Between two looks at shards that walk, more and more: each look is a call to every shard. */
const LOOK_MS = 250;
const MAX_LOOK_MS = 4000;
/** Operations that one run of cron goes on with, and forgets. */
const OPEN_PER_RUN = 30;
const FORGET_PER_RUN = 500;

export interface NewOperation {
  namespace: string;
  body: OperationBody;
  /** Null: no idempotency key. */
  key: string | null;
  now: number;
}

/**
 * Stores an operation: from then on it is done, whatever happens to the caller. Its id is made of the idempotency key,
 * where there is one, so that the key answers with it as long as it is kept.
 */
export async function storeOperation(
  db: Db,
  { namespace, body, key, now }: NewOperation,
): Promise<Result<{ row: OperationRow; replayed: boolean }>> {
  const digits =
    key === null
      ? toHex(crypto.getRandomValues(new Uint8Array(ID_DIGITS / 2)))
      : await sha256Hex(`${namespace}\0${key}`);
  const id = `op_${digits.slice(0, ID_DIGITS)}`;
  const request = canonicalJson(body);
  const after = body.action === "cancel" ? null : "";
  const made = await insertOperation(db, { id, namespace, request, createdAt: now, after }, MAX_RUNNING_OPERATIONS);
  const row = await findOperation(db, namespace, id);
  if (row === null) return full.operations(MAX_RUNNING_OPERATIONS);
  if (row.request !== request) return idempotency.operationMismatch(id);
  return { row, replayed: !made };
}

/** Sends an operation to every shard; those that know it say how far they are. */
export async function sendOperation({ shards }: Services, row: OperationRow): Promise<Result<OperationProgress[]>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const operation = shardOperation(row, map.shards.length);
  return shards.all({ idempotent: true }, (shard, head) => shard.operate({ ...head, operation }));
}

/** What a run may use up. */
interface Budget {
  until: number;
  steps: number;
}

/**
 * Goes on with an operation until it is finished or the budget is used up: the shards first, then what history alone
 * has. A job that leaves a shard before its shard came to it is in history by then, so none is missed between the two.
 * Answers what it met with, or null.
 */
async function driveOperation(
  services: Services,
  db: Db,
  { row, budget }: { row: OperationRow; budget: Budget },
): Promise<Problem | null> {
  let shards = await sendOperation(services, row);
  for (let lookMs = LOOK_MS; ; lookMs = Math.min(lookMs * 2, MAX_LOOK_MS)) {
    if (isProblem(shards)) return shards;
    if (shards.every(({ done }) => done)) break;
    if (Date.now() + lookMs >= budget.until) return null;
    await services.shards.pause(lookMs);
    shards = await sendOperation(services, row);
  }
  let at: OperationRow | null = await findOperation(db, row.namespace, row.id);
  while (at !== null && at.after !== null) {
    if (Date.now() >= budget.until || budget.steps-- <= 0) return null;
    const problem = await stepHistory(services, db, at);
    if (problem !== null) return problem;
    at = await findOperation(db, row.namespace, row.id);
  }
  await finishOperation(db, row.id, sumCounts(shards), Date.now());
  return null;
}

/** Goes on with an operation after the answer: what fails is logged, and cron goes on. */
export async function driveOn(services: Services, row: OperationRow): Promise<void> {
  const budget = { until: Date.now() + DRIVE_MS, steps: STEPS_AFTER_ANSWER };
  await driveOrLog("warn", services, { row, budget });
}

async function driveOrLog(
  level: "warn" | "error",
  services: Services,
  driven: { row: OperationRow; budget: Budget },
): Promise<void> {
  let why: unknown;
  try {
    why = await driveOperation(services, primary(services.database), driven);
  } catch (error) {
    why = error;
  }
  if (why !== null) log(level, "operation", { operation: driven.row.id, reason: reasonOf(why) });
}

/** Cron's part: goes on with what is not finished, and forgets what was long ago. */
export async function repairOperations(services: Services, now: number): Promise<void> {
  const db = primary(services.database);
  // Shards forget an operation that they have done after a while: an older one must not be sent to them again.
  const open = await openOperations(db, now - OPERATION_KEPT_MS, OPEN_PER_RUN);
  const budget = { until: 0, steps: STEPS_OF_CRON };
  for (const row of open) {
    // A share each, so that one whose shards walk for long keeps nobody waiting.
    budget.until = Date.now() + DRIVE_MS / open.length;
    await driveOrLog("error", services, { row, budget });
  }
  await forgetOperations(db, now - OPERATION_KEPT_MS, FORGET_PER_RUN);
}
