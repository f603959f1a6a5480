import type { ServiceEvent } from "../../contract/rpc/service.ts";
import type { RateLog } from "../../domain/rate.ts";
import type { Breaker } from "../../domain/service/breaker.ts";
import type { Ejection } from "../../domain/service/ejection.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import { migrate, pending } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { SERVICE_MIGRATIONS } from "./migrations.ts";

/** What a service remembers in one value each. */
export interface Facts {
  settings: ServiceSettings;
  /** Epoch ms: as far as is written down, it is in use until then. */
  usedUntil: number;
  breaker: { breaker: Breaker; events: ServiceEvent[] };
  starts: RateLog;
}

/** What is kept of an instance when its state changes. */
export interface InstanceRecord {
  ejection: Ejection;
  healthy: boolean;
  /** Epoch ms. */
  since: number;
  because: string;
  events: ServiceEvent[];
}

/** What a holder has. Those that have nothing have no row. */
export interface HolderRow {
  holder: string;
  permits: number;
  starts: number;
  /** Epoch ms. */
  leaseUntil: number;
}

interface StoredHolder extends Record<string, string | number> {
  holder: string;
  permits: number;
  starts: number;
  lease_until: number;
}

/** All SQL of a service. An object that was never told of a service, because somebody has its name, writes nothing at all. */
export class ServiceStore {
  readonly #sql: Sql;
  #migrated = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** What is known; null where nothing was ever written. */
  load(): { facts: Partial<Facts>; instances: Map<string, InstanceRecord>; holders: HolderRow[] } | null {
    const missing = pending(this.#sql, SERVICE_MIGRATIONS);
    if (missing.length === SERVICE_MIGRATIONS.length) return null;
    migrate(this.#sql, SERVICE_MIGRATIONS);
    this.#migrated = true;
    const facts = this.#sql.all<{ name: string; value: string }>("SELECT name, value FROM facts");
    const instances = this.#sql.all<{ url: string; record: string }>("SELECT url, record FROM instances");
    const holders = this.#sql.all<StoredHolder>("SELECT holder, permits, starts, lease_until FROM holders");
    return {
      facts: Object.fromEntries(facts.map(({ name, value }) => [name, JSON.parse(value)])),
      instances: new Map(instances.map(({ url, record }) => [url, JSON.parse(record)])),
      holders: holders.map(({ lease_until, ...row }) => ({ ...row, leaseUntil: lease_until })),
    };
  }

  /** 1 row. */
  put<Name extends keyof Facts>(name: Name, value: Facts[Name]): void {
    if (!this.#migrated) migrate(this.#sql, SERVICE_MIGRATIONS);
    this.#migrated = true;
    this.#sql.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, JSON.stringify(value));
  }

  /** 1 row where there is one. */
  forget(name: keyof Facts): void {
    this.#sql.run("DELETE FROM facts WHERE name = ?", name);
  }

  /** 1 row. */
  putInstance(url: string, record: InstanceRecord): void {
    this.#sql.run("INSERT OR REPLACE INTO instances (url, record) VALUES (?, ?)", url, JSON.stringify(record));
  }

  /** 1 row where there is one. */
  forgetInstance(url: string): void {
    this.#sql.run("DELETE FROM instances WHERE url = ?", url);
  }

  /** 1 row. */
  putHolder({ holder, permits, starts, leaseUntil }: HolderRow): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO holders (holder, permits, starts, lease_until) VALUES (?, ?, ?, ?)",
      holder,
      permits,
      starts,
      leaseUntil,
    );
  }

  /** 1 row. */
  forgetHolder(holder: string): void {
    this.#sql.run("DELETE FROM holders WHERE holder = ?", holder);
  }

  /** All or nothing. */
  transaction<T>(step: () => T): T {
    return this.#sql.transaction(step);
  }
}
