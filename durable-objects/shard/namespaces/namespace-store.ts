import { parseJobId } from "../../../domain/job-id.ts";
import {
  DEFAULT_NAMESPACE_LIMITS,
  isNewer,
  isOfEarlier,
  type NamespaceLimits,
  type NamespaceSettings,
} from "../../../domain/namespace.ts";
import type { Sql } from "../../sql.ts";
import { Part, type PartContext } from "../kernel/part.ts";
import { type Rows, readableSettings } from "../kernel/quarantine.ts";

/** The settings of namespaces that this shard has heard of: as the rows have them, and as the step sees them. */
export class NamespaceStore {
  readonly #sql: Sql;
  /** The store that a step's view lies over; null in the shard's own store. */
  readonly #below: NamespaceStore | null;
  /** Null: forgotten in this step. */
  readonly #known = new Map<string, NamespaceSettings | null>();

  constructor(sql: Sql, below: NamespaceStore | null = null) {
    this.#sql = sql;
    this.#below = below;
  }

  /** Reads the store from the rows. */
  static load(shard: PartContext): NamespaceStore {
    const { sql } = shard;
    const store = new NamespaceStore(sql);
    for (const { name, settings } of sql.all<{ name: string; settings: string }>(
      "SELECT name, settings FROM namespaces",
    )) {
      const make = () => JSON.parse(settings) as NamespaceSettings;
      // Of one that cannot be read nothing is known until it is sent again.
      const known = readableSettings(shard, { kind: EACH_NAMESPACE.kind, key: name }, make);
      if (known !== null) store.#known.set(known.name, known);
    }
    return store;
  }

  /** Takes over what a step has learned, when it has committed. */
  join(view: NamespaceStore): void {
    for (const [name, settings] of view.#known) {
      if (settings === null) this.#known.delete(name);
      else this.#known.set(name, settings);
    }
  }

  /** Null for one that this shard has not heard of. */
  find(name: string): NamespaceSettings | null {
    const own = this.#known.get(name);
    return own === undefined ? (this.#below?.find(name) ?? null) : own;
  }

  /** What holds for the namespace over all shards: the defaults where nothing was heard of it. */
  limits(name: string): NamespaceLimits {
    return this.find(name)?.limits ?? DEFAULT_NAMESPACE_LIMITS;
  }

  /** Whether the namespace is being deleted, or is gone: nothing of it comes in and nothing of it starts. */
  isGone(name: string): boolean {
    return (this.find(name)?.deletingAt ?? null) !== null;
  }

  /** Whether a job is of an earlier namespace of the name, and came too late. */
  isLate(name: string, jobId: string): boolean {
    const settings = this.find(name);
    const at = settings === null ? undefined : parseJobId(jobId)?.at;
    return settings !== null && at !== undefined && isOfEarlier(settings, at);
  }

  /** Every namespace that is being deleted or is gone. */
  gone(): NamespaceSettings[] {
    const names = new Set([...(this.#below?.gone().map(({ name }) => name) ?? []), ...this.#known.keys()]);
    return [...names].flatMap((name) => {
      const settings = this.find(name);
      return settings !== null && settings.deletingAt !== null ? [settings] : [];
    });
  }

  /** Takes `settings` when they are newer than what is known; false when they are not. 1 row. */
  learn(settings: NamespaceSettings): boolean {
    const known = this.find(settings.name);
    if (known !== null && !isNewer(settings, known)) return false;
    this.#sql.run(
      "INSERT INTO namespaces VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
      settings.name,
      JSON.stringify(settings),
    );
    this.#known.set(settings.name, settings);
    return true;
  }

  forget(name: string): void {
    this.#sql.run("DELETE FROM namespaces WHERE name = ?", name);
    this.#known.set(name, null);
  }
}

/** Namespaces as rows that are set aside. */
export const EACH_NAMESPACE = { kind: "namespaces", keyOf: ({ name }) => name } as const satisfies Rows<{
  name: string;
}>;

export const NAMESPACES = new Part(
  "namespaces",
  (shard) => NamespaceStore.load(shard),
  (base, step) => {
    const view = new NamespaceStore(step.sql, base);
    step.onCommit(() => base.join(view));
    return view;
  },
);
