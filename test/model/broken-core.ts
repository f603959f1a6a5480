/** A shard whose object has a method, or a start, that is broken. */
import type * as rpc from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { QUARANTINE, type Quarantine } from "../../durable-objects/shard/kernel/quarantine.ts";
import type { CallArguments, Request, Result } from "../../durable-objects/shard/shard-core.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import type { RigCore } from "../rigs/rig-core.ts";
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
        override call<Name extends keyof rpc.ShardApi>(name: Name, ...rest: CallArguments<Name>): Result<Name> {
          within = name === call;
          const result = super.call(name, ...rest);
          within = false;
          return result;
        }
      },
  };
}

/** Something happens to the rows whenever the object starts. */
export function restarting(original: typeof RigCore, lose: (sql: Sql) => void): typeof RigCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      super(name, ports);
      lose(ports.sql);
    }
  };
}

/** Whatever the rows say is due, the object that starts arms nothing. */
export function withoutAlarmAtStart(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
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

/** What is set aside is kept by a quarantine of which a method is broken. */
export function withQuarantine(
  original: typeof RigCore,
  breaks: (quarantine: Quarantine) => Partial<Quarantine>,
): typeof RigCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      super(name, ports);
      const quarantine = this.engine.get(QUARANTINE);
      Object.assign(quarantine, breaks(quarantine));
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

/** A change of a job is made whatever version it was meant for. */
export function forAnyVersion(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    override call<Name extends keyof rpc.ShardApi>(
      name: Name,
      ...[request, alarmAt]: CallArguments<Name>
    ): Result<Name> {
      if (name !== "patch") return super.call(name, request, alarmAt);
      hit();
      return super.call(name, { ...(request as rpc.PatchRequest), versions: null } as Request<Name>, alarmAt);
    }
  };
}

/** Settings arrive changed, whichever way they come. */
export function deafTo(original: typeof RigCore, change: (settings: QueueSettings) => QueueSettings): typeof RigCore {
  return class extends original {
    override call<Name extends keyof rpc.ShardApi>(
      name: Name,
      ...[request, alarmAt]: CallArguments<Name>
    ): Result<Name> {
      if (name !== "configure" && name !== "submit") return super.call(name, request, alarmAt);
      const sent = request as rpc.ConfigureRequest | rpc.SubmitRequest;
      return super.call(name, { ...sent, queues: sent.queues.map(change) } as Request<Name>, alarmAt);
    }
  };
}
