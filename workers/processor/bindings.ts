import type { JobProcessor } from "../../contract/target-job.ts";
import type { TargetBindings } from "../../domain/target-bindings.ts";

/** The part of a producer binding that is used. */
export type Producer = Pick<Queue, "sendBatch">;

/** Why a target's binding cannot be used, as an attempt says it. */
export interface MissingBinding {
  code: "binding-not-found";
  message: string;
}

/**
 * The bindings of the processor that targets may name: those that the deployment lists, where they are there and lead to what the list
 * says. Everything else in the environment is Dure's own, and nobody's to name.
 */
export class Bindings {
  readonly #env: Readonly<Record<string, unknown>>;
  readonly #listed: TargetBindings;

  constructor(env: object, listed: TargetBindings) {
    this.#env = { ...env };
    this.#listed = listed;
  }

  worker(name: string): JobProcessor | MissingBinding {
    const binding = this.#find(name, "worker");
    return isWorker(binding) ? binding : missing(name, "service binding");
  }

  queue(name: string): Producer | MissingBinding {
    const binding = this.#find(name, "queue");
    return isProducer(binding) ? binding : missing(name, "producer binding");
  }

  #find(name: string, kind: "worker" | "queue"): unknown {
    return this.#listed.get(name) === kind && Object.hasOwn(this.#env, name) ? this.#env[name] : undefined;
  }
}

export function isMissing(binding: object): binding is MissingBinding {
  return "code" in binding && binding.code === "binding-not-found" && "message" in binding;
}

function missing(name: string, what: string): MissingBinding {
  return {
    code: "binding-not-found",
    message: `the processor has no ${what} ${name} that TARGET_BINDINGS lists`,
  };
}

/** A service binding or a Durable Object's would take any name for a method of its own. */
export function isProducer(binding: unknown): binding is Producer {
  if (typeof binding !== "object" || binding === null || "fetch" in binding || "getByName" in binding) return false;
  return "sendBatch" in binding && typeof binding.sendBatch === "function";
}

/** Whether the Worker behind it has the method is known when that is called. */
function isWorker(binding: unknown): binding is JobProcessor {
  return typeof binding === "object" && binding !== null && "fetch" in binding;
}
