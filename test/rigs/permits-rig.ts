/** Isolates with pools of permits around one service's object, in virtual time. */
import type { ServiceWorkReply, ServiceWorkRequest } from "../../contract/rpc/service.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import type { Acquired, Permit, PermitPorts, Wanted } from "../../workers/processor/services/permit-ports.ts";
import { ServicePermits } from "../../workers/processor/services/permits.ts";
import { Clock } from "../simulation/clock.ts";
import { ServiceRig, START } from "./service-rig.ts";

const RPC_MS = 2;
/** So long the answer of a call takes that is late. */
export const LATE_MS = 8_000;
export const MAILER = { namespace: "default", name: "mailer" };

export class PermitsRig {
  readonly clock = new Clock(START);
  readonly service: ServiceRig;
  readonly calls: ServiceWorkRequest[] = [];
  /** How a call fails: before the object acts, or its answer is lost, or late. */
  fault: (call: number) => "before" | "after" | "never" | "late" | null = () => null;
  /** The service is asked for by another name, which it has not. */
  isUnknown = false;
  /** Requests under way, and the most that ever were. */
  underWay = 0;
  most = 0;

  constructor(over: Partial<ServiceSettings> = {}) {
    this.service = new ServiceRig(over);
  }

  ports(): PermitPorts {
    return {
      work: (_, request) => this.#work(request),
      now: () => this.clock.now(),
      random: () => 0.25,
      after: (ms, wake) => {
        let on = true;
        this.clock.after(ms, () => {
          if (on) wake();
        });
        return () => {
          on = false;
        };
      },
    };
  }

  async #work(request: ServiceWorkRequest): Promise<ServiceWorkReply> {
    const call = this.calls.push(request) - 1;
    const fault = this.fault(call);
    await this.sleep(RPC_MS / 2);
    if (fault === "before") throw new Error("not reached");
    if (fault === "never") return new Promise(() => undefined);
    if (this.isUnknown) return { type: "unknown" };
    this.service.now = this.clock.now();
    const reply = this.service.core.work(request);
    await this.sleep(RPC_MS / 2);
    if (fault === "late") await this.sleep(LATE_MS);
    if (fault === "after") throw new Error("answer lost");
    return structuredClone(reply);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  pool(name: string): ServicePermits {
    return new ServicePermits(() => name);
  }

  acquire(pool: ServicePermits, ports = this.ports(), over: Partial<Wanted> = {}): Promise<Acquired> {
    const deadlineAt = this.clock.now() + 60_000;
    return pool.acquire(ports, MAILER, { key: null, signal: new AbortController().signal, deadlineAt, ...over });
  }

  /** One job from beginning to end: `ms` long, with this outcome. Answers what it was given. */
  async job(pool: ServicePermits, { ms = 10, ok = true, ports = this.ports() } = {}): Promise<Acquired> {
    const acquired = await this.acquire(pool, ports);
    if (acquired.type === "permit") await this.use(acquired.permit, { ms, ok });
    return acquired;
  }

  async use(permit: Permit, { ms, ok }: { ms: number; ok: boolean }): Promise<void> {
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    await this.sleep(ms);
    this.underWay -= 1;
    permit.end({ ok, ms: ok ? ms : null });
  }

  run(ms: number): Promise<void> {
    return this.clock.run(this.clock.now() + ms);
  }
}
