/** A `ServiceCore` on a clock that tests move; its object dies when they say so, and its rows stay. */
import type { InstanceReport, ServiceWorkReply, ServiceWorkRequest } from "../../contract/rpc/service.ts";
import { emptyReport } from "../../domain/service/report.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import { ServiceCore } from "../../durable-objects/service/core.ts";
import type { ProbeAnswer } from "../../durable-objects/service/health-checks.ts";
import { openSql } from "../simulation/node-sqlite.ts";

export const START = Date.parse("2026-12-01T00:00:00Z");
export const A = "https://a.example";
export const B = "https://b.example/base";
export const C = "https://c.example:8443";

const SETTINGS: ServiceSettings = {
  namespace: "default",
  name: "mailer",
  version: 1,
  deleted: false,
  instances: [A, B, C].map((url) => ({ url, weight: 1, zone: null })),
  strategy: "p2c",
  healthCheck: null,
  outlier: { consecutiveFailures: 3, baseEjectionMs: 30_000, maxEjectedPercent: 40 },
  breaker: { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 5_000, halfOpenProbes: 2 },
  bulkhead: { maxInFlight: 10, maxWaiting: 5 },
  timeoutMs: 60_000,
  firstByteTimeoutMs: 30_000,
  retry: { attempts: 2, perTryTimeoutMs: null, budgetPercent: 20 },
  rate: null,
  createdAt: START,
  updatedAt: START,
};

type Permits = Extract<ServiceWorkReply, { type: "permits" }>;

/** What an instance did. */
export function reportOf(url: string, over: Partial<InstanceReport> = {}): InstanceReport {
  return { ...emptyReport(url), ...over };
}

export class ServiceRig {
  now = START;
  alarmAt: number | null = null;
  forgotten = false;
  /** URLs that were checked. */
  readonly probed: string[] = [];
  answer: (url: string) => ProbeAnswer = () => ({ type: "answered", status: 200 });
  core: ServiceCore;
  readonly #sql = openSql();
  #settings: ServiceSettings;

  constructor(over: Partial<ServiceSettings> = {}) {
    this.#settings = { ...SETTINGS, ...over };
    this.core = this.#boot();
    this.core.configure(this.#settings);
  }

  /** The next version of its settings. */
  configure(over: Partial<ServiceSettings>): void {
    this.#settings = { ...this.#settings, version: this.#settings.version + 1, updatedAt: this.now, ...over };
    this.core.configure(this.#settings);
  }

  /** The object dies, with all that it has in memory, and starts again. */
  restart(): void {
    this.core = this.#boot();
  }

  /** Rows that `run` writes. Of the alarm each setting is one more, which is not counted here. */
  rows(run: () => void): number {
    const before = this.#sql.rowsWritten();
    run();
    return this.#sql.rowsWritten() - before;
  }

  /** A call of an executor that has heard nothing yet and uses nothing. */
  work(holder: string, over: Partial<ServiceWorkRequest> = {}): Permits {
    const reply = this.core.work({ v: 1, holder, need: 0, used: 0, permits: 0, startsLeft: 0, reports: [], ...over });
    if (reply.type !== "permits") throw new Error("there is no such service");
    return reply;
  }

  /** Reports without asking for anything. */
  report(...reports: InstanceReport[]): Permits {
    return this.work("reporter", { reports });
  }

  state() {
    const state = this.core.state();
    if (state === null) throw new Error("there is no such service");
    return state;
  }

  /** The state of each instance. */
  states(): string[] {
    return this.state().instances.map(({ state }) => state);
  }

  /** Lets `ms` pass, with every alarm that falls in it. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    while (this.alarmAt !== null && this.alarmAt <= until) {
      this.now = Math.max(this.now, this.alarmAt);
      this.alarmAt = null;
      await this.core.alarm();
    }
    this.now = until;
  }

  #boot(): ServiceCore {
    return new ServiceCore({
      sql: this.#sql,
      now: () => this.now,
      random: () => 0.5,
      alarmAt: this.alarmAt,
      setAlarm: (at) => {
        this.alarmAt = at;
      },
      probe: async (url) => {
        this.probed.push(url);
        return this.answer(url);
      },
      forget: async () => {
        this.forgotten = true;
        this.alarmAt = null;
        for (const table of ["facts", "instances", "holders", "migrations"]) this.#sql.run(`DROP TABLE ${table}`);
        this.restart();
      },
    });
  }
}
