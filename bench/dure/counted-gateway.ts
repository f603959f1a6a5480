import gateway, {
  Directory as RealDirectory,
  RateLimiter as RealRateLimiter,
  Service as RealService,
  Shard as RealShard,
  Transaction as RealTransaction,
} from "../../workers/gateway/index.ts";
import { counted, counts } from "./counts.ts";

/** The gateway with counted bindings, in its handlers and in its objects. `/bench/used` tells the counts. */
export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/bench/used") return Response.json(counts);
    counts.workerRequests++;
    return await gateway.fetch(request, counted(env), context);
  },
  async queue(batch, env) {
    counts.workerRequests++;
    await gateway.queue(batch, counted(env));
  },
  async scheduled(controller, env, context) {
    counts.workerRequests++;
    await gateway.scheduled(controller, counted(env), context);
  },
} satisfies ExportedHandler<Env>;

/** What a message that comes over a WebSocket is of a request. The end of one may be billed alike. */
const A_MESSAGE = 1 / 20;

/** The milliseconds in which anything is under way, however much it is. */
class Awake {
  #underWay = 0;
  #since = 0;

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay++ === 0) this.#since = Date.now();
    try {
      return await work();
    } finally {
      if (--this.#underWay === 0) counts.awakeMs += Date.now() - this.#since;
    }
  }
}

/** Counts the rows that an object writes, and the times that it sets its alarm. */
function countWrites(storage: DurableObjectStorage): void {
  const { sql } = storage;
  const exec = (query: string, ...params: SqlStorageValue[]) => {
    const cursor = sql.exec(query, ...params);
    const rows = cursor.toArray();
    counts.objectRows += cursor.rowsWritten;
    return { toArray: () => rows, rowsWritten: cursor.rowsWritten };
  };
  const counted = {
    exec,
    get databaseSize() {
      return sql.databaseSize;
    },
  };
  Object.defineProperty(storage, "sql", { value: counted, configurable: true });
  const set = storage.setAlarm.bind(storage);
  const counting: typeof set = (...at) => {
    counts.alarmRows++;
    return set(...at);
  };
  Object.defineProperty(storage, "setAlarm", { value: counting, configurable: true });
}

export class Shard extends RealShard {
  readonly #awake = new Awake();

  constructor(ctx: DurableObjectState, env: Env) {
    countWrites(ctx.storage);
    super(ctx, counted(env));
  }

  protected override serve(...call: Parameters<RealShard["serve"]>): ReturnType<RealShard["serve"]> {
    return this.#awake.during(() => super.serve(...call));
  }

  override alarm(): Promise<void> {
    counts.objectRequests++;
    return this.#awake.during(() => super.alarm());
  }

  override fetch(request: Request): Promise<Response> {
    return this.#awake.during(() => super.fetch(request));
  }

  override webSocketMessage(socket: WebSocket): Promise<void> {
    counts.objectRequests += A_MESSAGE;
    return this.#awake.during(async () => super.webSocketMessage(socket));
  }

  override webSocketClose(socket: WebSocket): Promise<void> {
    counts.objectRequests += A_MESSAGE;
    return this.#awake.during(async () => super.webSocketClose(socket));
  }
}

export class Directory extends RealDirectory {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
  }
}

export class RateLimiter extends RealRateLimiter {
  readonly #awake = new Awake();

  constructor(ctx: DurableObjectState, env: Env) {
    countWrites(ctx.storage);
    super(ctx, counted(env));
  }

  override lease(...call: Parameters<RealRateLimiter["lease"]>): ReturnType<RealRateLimiter["lease"]> {
    counts.limiterCalls++;
    return this.#awake.during(() => super.lease(...call));
  }
}

export class Transaction extends RealTransaction {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
  }
}

export class Service extends RealService {
  constructor(ctx: DurableObjectState, env: Env) {
    countWrites(ctx.storage);
    super(ctx, counted(env));
  }

  override alarm(): Promise<void> {
    counts.objectRequests++;
    return super.alarm();
  }

  override work(...call: Parameters<RealService["work"]>): ReturnType<RealService["work"]> {
    counts.serviceCalls++;
    return super.work(...call);
  }

  override observe(...call: Parameters<RealService["observe"]>): ReturnType<RealService["observe"]> {
    counts.serviceCalls++;
    return super.observe(...call);
  }
}
