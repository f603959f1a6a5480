import type { NewJob } from "../../../contract/rpc.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";

/** Where a key counts within its queue, and the key. */
export interface ScopedKey {
  scope: string;
  key: string;
}

/** The keys under which nothing else may be accepted while a job with them is undecided. */
export interface ReservedKeys {
  idempotency: ScopedKey | null;
  dedup: ScopedKey | null;
}

export function keysOf(job: Pick<NewJob, "orderingKey" | "concurrencyKey" | "idempotency" | "dedup">): ReservedKeys {
  const { idempotency, dedup } = job;
  const scope = idempotencyScope({ ...job, dedupKey: dedup?.key ?? null });
  return {
    idempotency: idempotency === null ? null : { scope, key: idempotency.key },
    dedup: dedup === null ? null : { scope: dedupScope(job), key: dedup.key },
  };
}
