import { type CallDefinition, isAudited } from "../../../contract/http/call.ts";
import type { CallName } from "../../../contract/http/calls.ts";
import { isProblem, type Result } from "../../../contract/problems.ts";
import { appendAuditLog } from "../../db/audit-log.ts";
import { primary } from "../../db/client.ts";
import { makeKeyId } from "../access/token.ts";
import type { Answered } from "../answered.ts";
import type { Context } from "../context.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import type { AnyInput } from "./use-case.ts";

/** Names are a caller's own text. */
const MAX_TEXT = 200;
/** A call that was answered is not held up for longer by a database that does not answer. */
const WRITE_MS = 2000;
/** Refused calls of a key that are noted in 10 s: nobody fills the log with what was never done. */
const MAX_REFUSED = 100;

type Run = (context: Context, input: AnyInput) => Promise<Result<Answered<unknown>>>;

/**
 * What a call does, and, where its definition says so, a note in the audit log of what came of it. The note is written before the
 * caller hears the answer. If it cannot be, the call is answered all the same, for what it did is done; the log of the Worker
 * then has the entry.
 */
export function audited(definition: CallDefinition & { id: CallName }, run: Run): Run {
  if (!isAudited(definition)) return run;
  return async (context, input) => {
    try {
      const result = await run(context, input);
      await note(context, entryOf(definition, input, result));
      return result;
    } catch (error) {
      await note(context, entryOf(definition, input, null));
      throw error;
    }
  };
}

/** What an entry says, beside when and whose it is. A `namespace` that is undefined is the caller's. */
interface Entry {
  call: CallName;
  object: string | null;
  namespace: string | null | undefined;
  status: number;
}

function entryOf(
  { id: call, scope }: CallDefinition & { id: CallName },
  { params }: AnyInput,
  result: Result<Answered<unknown>> | null,
): Entry {
  const [named] = Object.values<string>(params);
  const view = result === null || isProblem(result) ? null : result.view;
  const status = result?.status ?? 500;
  return {
    call,
    object: isThere(status) ? (named ?? textOf(view, "id") ?? null) : null,
    namespace: scope === "root" ? null : textOf(view, "namespace"),
    status,
  };
}

/**
 * Whether what the call names is known to be there, and so to be no more than a name. What is not there may be any text: a key
 * in the place of its id, say.
 */
function isThere(status: number): boolean {
  return status < 400 || status === 409 || status === 412;
}

function textOf(view: unknown, name: "id" | "namespace"): string | undefined {
  const value = typeof view === "object" && view !== null && name in view ? Reflect.get(view, name) : undefined;
  return typeof value === "string" ? value : undefined;
}

async function note({ services, caller, address, clock }: Context, entry: Entry): Promise<void> {
  const at = clock();
  if (entry.status >= 400 && !services.refusedNotes.take(caller.keyId, MAX_REFUSED, at)) return;
  const row = {
    id: makeKeyId(at, (bytes) => crypto.getRandomValues(bytes)),
    at,
    keyId: caller.keyId,
    ...entry,
    namespace: entry.namespace === undefined ? caller.namespace : entry.namespace,
    object: entry.object?.toWellFormed().slice(0, MAX_TEXT) ?? null,
    address: address?.slice(0, MAX_TEXT) ?? null,
  };
  const missing = (reason: string) => log("error", "audit-log", { ...row, reason });
  try {
    const written = await within(WRITE_MS, appendAuditLog(primary(services.database), row));
    if (written === LATE) missing(`no answer within ${WRITE_MS} ms`);
  } catch (error) {
    missing(reasonOf(error));
  }
}
