import type { HandedOver, Outcome, WorkItem } from "../../../contract/rpc.ts";
import type { PushTarget, PushType } from "../../../domain/target.ts";
import type { Bindings } from "../bindings.ts";
import type { Handler } from "../handler.ts";
import type { Control, WorkPorts } from "../work-ports.ts";
import { handlerExecutor } from "./handler.ts";
import { type HttpPorts, httpExecutor } from "./http.ts";
import { failed } from "./outcome.ts";
import { queueExecutor } from "./queue.ts";
import { type ServicePorts, serviceExecutor } from "./service.ts";
import { workerExecutor } from "./worker.ts";

/** Runs one job where its target says. Never rejects: every failure is an outcome. */
export type Executor<Target> = (item: WorkItem, target: Target, control: Control) => Promise<Outcome | HandedOver>;

/** What runs the jobs of each kind of target that the processor claims. */
export type Executors = { readonly [Type in PushType]: Executor<Extract<PushTarget, { type: Type }>> };

/** What executors need of the invocation. */
export interface ExecutorPorts {
  handlers: Record<string, Handler>;
  http: HttpPorts;
  bindings: Bindings;
  /** As the pool of permits has it. */
  acquire: ServicePorts["acquire"];
}

/** One for each kind of target. A kind without its line does not compile. */
export function executorsOf({ handlers, http, bindings, acquire }: ExecutorPorts): Executors {
  const runHandler = handlerExecutor(handlers, http.now);
  return {
    handler: (item, { name }, control) => runHandler(item, name, control),
    http: httpExecutor(http),
    worker: workerExecutor({ bindings, spanId: http.spanId }),
    queue: queueExecutor({ bindings, spanId: http.spanId }),
    service: serviceExecutor({ ...http, acquire }),
  };
}

/** Runs a job wherever its queue says. */
export function executor(executors: Executors): WorkPorts["execute"] {
  return (item, control) => {
    // The list has for each kind what takes targets of that kind, which a lookup by a union cannot say.
    const run = executors[item.target.type] as Executor<PushTarget> | undefined;
    // A shard gives only what this processor has said it can run.
    if (run === undefined) return Promise.resolve(failed("target-unknown", UNKNOWN, { retryable: true }));
    return run(item, item.target, control);
  };
}

const UNKNOWN = "this processor does not know the target's kind";
