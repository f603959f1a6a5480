import type { Page } from "../contract/list.ts";
import type { FireView, ScheduleBody, ScheduleView } from "../contract/schedule.ts";
import type { Call, Transport } from "./transport.ts";

/** What can be done with schedules. */
export class Schedules {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates the schedule or replaces it; what `schedule` leaves out gets its default. */
  put(name: string, schedule: ScheduleBody): Promise<ScheduleView> {
    return this.#send({ method: "PUT", path: schedulePath(name), body: schedule });
  }

  get(name: string): Promise<ScheduleView> {
    return this.#send({ method: "GET", path: schedulePath(name) });
  }

  /** One page, newest first. */
  list(page: { limit?: number; cursor?: string } = {}): Promise<Page<ScheduleView>> {
    const { limit, cursor } = page;
    return this.#send({ method: "GET", path: "/v1/schedules", query: { limit, cursor } });
  }

  /** Its jobs stay. Not sent twice: a second sending would find nothing. */
  async delete(name: string): Promise<void> {
    await this.#transport.call({ method: "DELETE", path: schedulePath(name), repeatable: false });
  }

  /** One page of what came of its instants, newest first. */
  fires(name: string, page: { limit?: number; cursor?: string } = {}): Promise<Page<FireView>> {
    const { limit, cursor } = page;
    return this.#send({ method: "GET", path: `${schedulePath(name)}/fires`, query: { limit, cursor } });
  }

  async #send<T>(call: Omit<Call, "repeatable">): Promise<T> {
    return (await this.#transport.call<T>({ repeatable: true, ...call })).data;
  }
}

function schedulePath(name: string): string {
  return `/v1/schedules/${encodeURIComponent(name)}`;
}
