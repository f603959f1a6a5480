/** A shard whose object has a method, or a start, that is broken. */
import type * as rpc from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { ShardCore } from "../../durable-objects/shard/core.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import { type Mutant, rewriter } from "./mutant.ts";

/** Whatever touches gates during one kind of call is lost; jobs that should go through stay at the gate. */
export function withoutGatesDuring(call: "cancel" | "report", hit: () => void): Omit<Mutant, "name"> {
  let within = false;
  const rewrite = rewriter(hit, [
    { marks: [], from: "SET blocked = blocked & ~2 WHERE", to: "SET blocked = blocked WHERE" },
  ]);
  return {
    sql: (query) => (within ? rewrite(query) : query),
    core: (original) =>
      class extends original {
        override cancel(request: rpc.JobRequest): rpc.ChangeReply {
          return this.#during("cancel", () => super.cancel(request));
        }

        override report(request: rpc.ReportRequest): rpc.ReportReply {
          return this.#during("report", () => super.report(request));
        }

        #during<T>(which: string, run: () => T): T {
          within = which === call;
          const result = run();
          within = false;
          return result;
        }
      },
  };
}

/** Something happens to the rows whenever the object starts. */
export function restarting(original: typeof ShardCore, lose: (sql: Sql) => void): typeof ShardCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof ShardCore>) {
      super(name, ports);
      lose(ports.sql);
    }
  };
}

/** Whatever the rows say is due, the object that starts arms nothing. */
export function withoutAlarmAtStart(original: typeof ShardCore, hit: () => void): typeof ShardCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof ShardCore>) {
      let started = false;
      super(name, {
        ...ports,
        setAlarm: (at) => {
          if (started) ports.setAlarm(at);
          else hit();
        },
      });
      started = true;
    }
  };
}

/** Settings as if nobody had paused the queue. */
export function unpaused(hit: () => void) {
  return (settings: QueueSettings): QueueSettings => {
    if (settings.paused) hit();
    return { ...settings, paused: false };
  };
}

/** Settings arrive changed, whichever way they come. */
export function deafTo(
  original: typeof ShardCore,
  change: (settings: QueueSettings) => QueueSettings,
): typeof ShardCore {
  return class extends original {
    override configure(request: rpc.ConfigureRequest): void {
      super.configure({ ...request, queues: request.queues.map(change) });
    }

    override submit(request: rpc.SubmitRequest): rpc.SubmitReply {
      return super.submit({ ...request, queues: request.queues.map(change) });
    }
  };
}
