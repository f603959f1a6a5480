import { deleteService, getService, listServices, patchService, putService } from "./generated/calls.ts";
import type { Service, ServiceList, ServicePatch, ServiceRequest } from "./generated/types.ts";
import { type ChangeOptions, changing, type PageOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** Services: instances that do the same, over which jobs and requests are spread. */
export class Services {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates the service or replaces it. What `service` leaves out gets its default. Once this has resolved, it holds. */
  async put(name: string, service: ServiceRequest, options: ChangeOptions = {}): Promise<Service> {
    return this.#transport.call(putService, { params: { service: name }, body: service, ...changing(options) });
  }

  /** Changes what `patch` names and keeps the rest: a JSON merge patch. The list of instances is replaced whole. */
  async patch(name: string, patch: ServicePatch, options: ChangeOptions = {}): Promise<Service> {
    return this.#transport.call(patchService, { params: { service: name }, body: patch, ...changing(options) });
  }

  /** With how it is at the moment: its breaker, and each instance with the reason for its state. */
  async get(name: string): Promise<Service> {
    return this.#transport.call(getService, { params: { service: name }, repeatable: true });
  }

  /** One page, newest first, with settings alone. */
  async list(page: PageOptions = {}): Promise<ServiceList> {
    return this.#transport.call(listServices, { query: page, repeatable: true });
  }

  /** Refused (409) while a queue names it. Not sent twice: a second sending would find nothing. */
  async delete(name: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.call(deleteService, { params: { service: name }, ...changing(options), repeatable: false });
  }
}
