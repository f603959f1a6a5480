import type { LeaseReply, LeaseRequest, LimitedBy } from "../../contract/rpc/rate-limit.ts";
import { exactLeft, partOf, type Quota, spend, unitsLeft, waitFor } from "../../domain/gcra.ts";
import { chunkGranted, chunkWanted, isNearlySpent, isPlenty, PAUSE_MS } from "../../domain/token-chunk.ts";
import type { BucketStore } from "./store.ts";

/** Keys whose budgets are in memory, some 150 bytes each. Beyond, the one that was longest not used begins anew; the namespace's budget holds. */
const MAX_KEYS = 10_000;
/** Of these that are saved, some 35 bytes each. */
const MAX_SAVED = 1_000;
/** The namespace's own bucket among those that are saved: no key has an empty id. */
const NAMESPACE = "";
/**
 * A bucket is saved this part of its budget ahead of what is spent, and an object that starts takes it for granted that as much
 * is spent. So a row stands for at least a tenth of a budget, and no crash lets a unit through twice.
 */
const AHEAD = 0.1;
/** Below this part of the namespace's budget a key has no more than its share of it, as long as other keys spend too. */
const SHARED_PART = 0.5;

interface Bucket {
  /** What is spent, as `domain/gcra.ts` has it. */
  tat: number;
  /** What would be found after a crash, at least. */
  saved: number;
  /** What is spent of the key's equal share of the namespace's budget. */
  shareTat: number;
  usedAt: number;
}

/** The exact budgets of a namespace: GCRA for each key and for all together. Times are epoch milliseconds. */
export class RateLedger {
  readonly #store: BucketStore;
  /** The one that was used last is the last. */
  readonly #keys = new Map<string, Bucket>();
  #namespace: Bucket | null = null;
  #found: Map<string, number>;
  /** Null: nothing was spent before. */
  #startedAt: number | null;
  #lastAt: number;

  constructor(store: BucketStore, now: number) {
    this.#store = store;
    const { savedAt, saved } = store.read();
    // The clock may have stepped back while there was no object.
    this.#found = shifted(saved, Math.max(0, savedAt - now));
    this.#startedAt = store.isNew ? null : now;
    this.#lastAt = now;
  }

  /** Charges what is owed, and hands out a chunk. What it changes is saved before the answer, as far as that is needed. */
  lease(request: LeaseRequest, now: number): LeaseReply {
    this.#alignToClock(now);
    const { quota, namespaceQuota, owed } = request;
    const key = this.#key(request.key, quota, now);
    const namespace = namespaceQuota === null ? null : this.#ofNamespace(namespaceQuota, now);
    const budgets: Budgets = { key, quota, namespace, namespaceQuota, keys: this.#keys.size };
    charge(budgets, owed, now);
    const { granted, limitedBy } = grant(budgets, request, now);
    charge(budgets, granted, now);
    this.#saveWhereNeeded(budgets, now);
    const pauseMs = pauseOf(budgets, request, { granted, limitedBy, now });
    return { granted, limitedBy, pauseMs, left: leftOf(budgets, now) };
  }

  forget(): void {
    this.#keys.clear();
    this.#namespace = null;
    this.#found.clear();
    this.#store.forget();
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#keys.size;
  }

  #key(id: string, quota: Quota, now: number): Bucket {
    const bucket = this.#keys.get(id) ?? this.#begun(id, quota);
    bucket.usedAt = now;
    this.#keys.delete(id);
    this.#keys.set(id, bucket);
    for (const [oldest, { tat, usedAt }] of this.#keys) {
      const isFull = tat <= now && usedAt < now - quota.windowMs;
      if (!isFull && this.#keys.size <= MAX_KEYS) break;
      this.#keys.delete(oldest);
    }
    return bucket;
  }

  #ofNamespace(quota: Quota, now: number): Bucket {
    this.#namespace ??= this.#begun(NAMESPACE, quota);
    this.#namespace.usedAt = now;
    return this.#namespace;
  }

  /** A bucket of which nothing is known but what was saved, if anything was. */
  #begun(name: string, quota: Quota): Bucket {
    const saved = this.#found.get(name) ?? 0;
    const tat = this.#startedAt === null ? saved : Math.max(saved, this.#startedAt + aheadMs(quota));
    return { tat, saved, shareTat: 0, usedAt: 0 };
  }

  #saveWhereNeeded({ key, quota, namespace, namespaceQuota }: Budgets, now: number): void {
    const ofKey = goesAhead(key, quota, now);
    const ofNamespace = namespace !== null && namespaceQuota !== null && goesAhead(namespace, namespaceQuota, now);
    if (ofKey || ofNamespace) this.#save(now);
  }

  /** All that may matter after a crash, the keys that were used last first. */
  #save(now: number): void {
    const saved = new Map<string, number>();
    if (this.#namespace !== null && this.#namespace.saved > now) saved.set(NAMESPACE, this.#namespace.saved);
    for (const [id, bucket] of [...this.#keys].reverse()) {
      if (saved.size >= MAX_SAVED) break;
      if (bucket.saved > now) saved.set(id, bucket.saved);
    }
    // What was found and not asked for since still counts.
    for (const [name, tat] of this.#found) {
      if (saved.size >= MAX_SAVED) break;
      const isLoaded = name === NAMESPACE ? this.#namespace !== null : this.#keys.has(name);
      if (tat > now && !isLoaded) saved.set(name, tat);
    }
    this.#store.write(saved, now);
  }

  /** Where the clock has stepped back, all that is known steps back with it. */
  #alignToClock(now: number): void {
    const back = this.#lastAt - now;
    this.#lastAt = now;
    if (back <= 0) return;
    if (this.#startedAt !== null) this.#startedAt -= back;
    const buckets = this.#namespace === null ? [...this.#keys.values()] : [this.#namespace, ...this.#keys.values()];
    for (const bucket of buckets) {
      bucket.tat -= back;
      bucket.saved -= back;
      bucket.shareTat -= back;
      bucket.usedAt -= back;
    }
    this.#found = shifted(this.#found, back);
  }
}

/** The same, so many milliseconds earlier. */
function shifted(tats: ReadonlyMap<string, number>, back: number): Map<string, number> {
  return new Map([...tats].map(([name, tat]) => [name, tat - back]));
}

interface Budgets {
  key: Bucket;
  quota: Quota;
  namespace: Bucket | null;
  namespaceQuota: Quota | null;
  /** How many keys spend. */
  keys: number;
}

/** Milliseconds for which a bucket is saved ahead: whole units, and none of a budget of less than ten. */
function aheadMs(quota: Quota): number {
  return (Math.floor(quota.units * AHEAD) / quota.units) * quota.windowMs;
}

/** Moves what is saved ahead of what is spent; false where it is. Up to what every start takes for spent nothing is saved. */
function goesAhead(bucket: Bucket, quota: Quota, now: number): boolean {
  const ahead = aheadMs(quota);
  if (bucket.tat <= Math.max(bucket.saved, now + ahead)) return false;
  bucket.saved = bucket.tat + ahead;
  return true;
}

/** An equal part of the namespace's budget, for each key that spends. */
function shareOf(namespaceQuota: Quota, keys: number): Quota {
  return partOf(namespaceQuota, 1 / Math.max(1, keys), 1);
}

function charge({ key, quota, namespace, namespaceQuota, keys }: Budgets, units: number, now: number): void {
  if (units <= 0) return;
  key.tat = spend(key.tat, quota, { units, now });
  if (namespace === null || namespaceQuota === null) return;
  namespace.tat = spend(namespace.tat, namespaceQuota, { units, now });
  key.shareTat = spend(key.shareTat, shareOf(namespaceQuota, keys), { units, now });
}

interface Grant {
  granted: number;
  limitedBy: LimitedBy | null;
}

function leftOf({ key, quota, namespace, namespaceQuota }: Budgets, now: number): LeaseReply["left"] {
  const hasBoth = namespace !== null && namespaceQuota !== null;
  return {
    key: exactLeft(key.tat, quota, now),
    namespace: hasBoth ? exactLeft(namespace.tat, namespaceQuota, now) : null,
  };
}

function grant(budgets: Budgets, { needed, rate }: LeaseRequest, now: number): Grant {
  const { key, quota, namespace, namespaceQuota } = budgets;
  const ofKey = unitsLeft(key.tat, quota, now);
  if (namespace === null || namespaceQuota === null) {
    const wanted = Math.max(needed, chunkWanted(rate, quota, isPlenty(ofKey, quota)));
    const granted = chunkGranted(ofKey, { needed, wanted });
    return { granted, limitedBy: granted < wanted ? "key" : null };
  }
  const ofNamespace = unitsLeft(namespace.tat, namespaceQuota, now);
  const plenty = isPlenty(ofKey, quota) && isPlenty(ofNamespace, namespaceQuota);
  const wanted = Math.max(needed, chunkWanted(rate, quota, plenty));
  const byKey = chunkGranted(ofKey, { needed, wanted });
  const byNamespace = chunkGranted(usable(budgets, namespaceQuota, { ofNamespace, now }), { needed, wanted });
  const granted = Math.min(byKey, byNamespace);
  const limitedBy = granted >= wanted ? null : byNamespace < byKey ? "namespace" : "key";
  return { granted, limitedBy };
}

/** What a key may take of what is left of its namespace's budget: all of the upper half, of the lower half its share. */
function usable(
  { key, keys }: Budgets,
  namespaceQuota: Quota,
  { ofNamespace, now }: { ofNamespace: number; now: number },
): number {
  const share = unitsLeft(key.shareTat, shareOf(namespaceQuota, keys), now);
  const beyond = ofNamespace - Math.floor(namespaceQuota.units * SHARED_PART);
  return Math.max(beyond, Math.min(ofNamespace, share));
}

/** Milliseconds until a key may take so many units of its namespace's budget. */
function waitForNamespace({ key, namespace, namespaceQuota, keys }: Budgets, units: number, now: number): number {
  if (namespace === null || namespaceQuota === null) return 0;
  const all = waitFor(namespace.tat, namespaceQuota, { units, now });
  const share = waitFor(key.shareTat, shareOf(namespaceQuota, keys), { units, now });
  const shared = Math.floor(namespaceQuota.units * SHARED_PART);
  const beyond = waitFor(namespace.tat, namespaceQuota, { units: units + shared, now });
  return Math.min(beyond, Math.max(all, share));
}

function pauseOf(
  budgets: Budgets,
  { needed }: LeaseRequest,
  { granted, limitedBy, now }: Grant & { now: number },
): number {
  if (limitedBy === null) return 0;
  const { key, quota, namespace, namespaceQuota } = budgets;
  const bucket = limitedBy === "namespace" && namespace !== null ? namespace : key;
  const limit = limitedBy === "namespace" && namespaceQuota !== null ? namespaceQuota : quota;
  // What is asked for ahead, while no call waits, has taken nothing from anybody.
  if (granted < needed || granted === 0) {
    const units = Math.max(1, needed);
    const wait = Math.max(waitFor(key.tat, quota, { units, now }), waitForNamespace(budgets, units, now));
    return Math.max(PAUSE_MS, Math.min(wait, limit.windowMs));
  }
  return isNearlySpent(unitsLeft(bucket.tat, limit, now), limit) ? PAUSE_MS : 0;
}
