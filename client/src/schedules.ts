import {
  deleteSchedule,
  getSchedule,
  listFires,
  listSchedules,
  patchSchedule,
  putSchedule,
} from "./generated/calls.ts";
import type { FireList, Schedule, ScheduleList, SchedulePatch, ScheduleRequest } from "./generated/types.ts";
import { type ChangeOptions, changing, type PageOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** What can be done with schedules. */
export class Schedules {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates the schedule or replaces it. What `schedule` leaves out gets its default; only `paused` of one that exists stays. */
  async put(name: string, schedule: ScheduleRequest, options: ChangeOptions = {}): Promise<Schedule> {
    const input = { params: { schedule: name }, body: schedule, ...changing(options) };
    return this.#transport.call(putSchedule, input);
  }

  /** Changes what `patch` names and keeps the rest: a JSON merge patch, in which null puts a member back to its default. */
  async patch(name: string, patch: SchedulePatch, options: ChangeOptions = {}): Promise<Schedule> {
    const input = { params: { schedule: name }, body: patch, ...changing(options) };
    return this.#transport.call(patchSchedule, input);
  }

  /** The schedule as it is. */
  async get(name: string): Promise<Schedule> {
    return this.#transport.call(getSchedule, { params: { schedule: name }, repeatable: true });
  }

  /** One page, newest first. */
  async list(page: PageOptions = {}): Promise<ScheduleList> {
    return this.#transport.call(listSchedules, { query: page, repeatable: true });
  }

  /** Its jobs stay. Not sent twice: a second sending would find nothing. */
  async delete(name: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.call(deleteSchedule, { params: { schedule: name }, ...changing(options), repeatable: false });
  }

  /** One page of what came of its instants, newest first. */
  async fires(name: string, page: PageOptions = {}): Promise<FireList> {
    const input = { params: { schedule: name }, query: page, repeatable: true };
    return this.#transport.call(listFires, input);
  }
}
