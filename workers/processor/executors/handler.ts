import { JsonText } from "../../../contract/json-text.ts";
import { MAX_CHECKPOINT_BYTES } from "../../../contract/limits.ts";
import { checkpointFits, normalizeProgress, type ProgressUpdate } from "../../../contract/progress-patch.ts";
import type { Outcome, ProgressPatch, WorkItem } from "../../../contract/rpc.ts";
import { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";
import { type Handler, type HandlerContext, HandlerFailure, type JsonValue } from "../handler.ts";
import type { Control } from "../work-ports.ts";
import { failed, invalidSpawn, ownWords, returned, withSpawned } from "./outcome.ts";

/** Runs jobs in handlers of this repository. Never rejects. */
export function handlerExecutor(handlers: Record<string, Handler>, now: () => number) {
  return async (item: WorkItem, name: string, control: Control): Promise<Outcome> => {
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    // The gateway has checked the name: this processor is of an older deploy, and the next attempt may find a newer.
    if (handler === undefined)
      return failed("handler-not-found", `there is no handler ${name} here`, { retryable: true });
    const spawned = new SpawnList();
    try {
      const payload: JsonValue = JSON.parse(item.payload);
      const outcome = returned(await handler(payload, contextOf(item, { control, spawned, now })));
      return await withSpawned(outcome, spawned);
    } catch (error) {
      if (error instanceof InvalidSpawn) return invalidSpawn(error);
      if (error instanceof HandlerFailure) return failed(error.code, error.message, { retryable: error.retryable });
      return failed("handler-error", ownWords(error), { retryable: true });
    }
  };
}

interface Around {
  control: Control;
  spawned: SpawnList;
  now: () => number;
}

function contextOf(item: WorkItem, { control, spawned, now }: Around): HandlerContext {
  const { checkpoint = null } = item;
  return {
    jobId: item.id,
    attempt: item.attempt,
    traceparent: item.traceparent ?? null,
    payloadText: item.payload,
    checkpointText: checkpoint,
    checkpoint: checkpoint === null ? null : (JSON.parse(checkpoint) as JsonValue),
    // Not `async`: a faulty update fails the handler that gives it, whether it waits for the answer or not.
    progress: (update) => {
      control.say(progressOf(update));
      return Promise.resolve();
    },
    spawn: (job) => spawned.add(job, now()),
    get signal() {
      return control.signal;
    },
  };
}

/** A checkpoint that is given as text is kept as it is. */
function progressOf({ checkpoint, ...update }: ProgressUpdate): ProgressPatch {
  if (!(checkpoint instanceof JsonText)) return normalizeProgress({ ...update, checkpoint });
  if (!checkpointFits(checkpoint.text))
    throw new RangeError(`the checkpoint is larger than ${MAX_CHECKPOINT_BYTES} bytes`);
  return { ...normalizeProgress(update), checkpoint: checkpoint.isNull ? null : checkpoint.text };
}
