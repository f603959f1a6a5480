import { conflict, isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { ServiceBody } from "../../../contract/service.ts";
import type { ServiceView } from "../../../contract/service-view.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { alsoRefusing } from "../../../domain/target-url.ts";
import { type Db, primary } from "../../db/client.ts";
import { findService, listServices, queueOfService, walkServices, writeService } from "../../db/services.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { Services } from "../services.ts";
import { stateOf, tellServices } from "./service-object.ts";
import {
  checkInstances,
  forgottenService,
  serviceBodyOf,
  serviceFrom,
  serviceStateView,
  serviceView,
} from "./service-settings.ts";

export type ServiceResource = VersionedResource<ServiceSettings, ServiceBody, ServiceView>;

/** The services of the API. `host` is the one to which the request came, which no instance may name. */
export function serviceResource(services: Services, host: string | null = null): ServiceResource {
  return new VersionedResource(new ServiceKind(services, host), resourcePorts(services));
}

class ServiceKind implements Kind<ServiceSettings, ServiceBody, ServiceView> {
  readonly what = "service";
  readonly body = ServiceBody;
  /** Each goes to an object of its own, so this many calls are made at once. */
  readonly pushStep = 20;
  readonly #services: Services;
  readonly #db: Db;
  readonly #host: string | null;

  constructor(services: Services, host: string | null) {
    this.#services = services;
    this.#host = host;
    this.#db = primary(services.database);
  }

  notFound(name: string): Problem {
    return notFound.service(name);
  }

  stored(key: ResourceKey): Promise<Result<ServiceSettings | null>> {
    return fromDatabase(() => findService(this.#db, key));
  }

  list(page: ListPage): Promise<Result<ServiceSettings[]>> {
    return fromDatabase(() => listServices(this.#db, page));
  }

  changedSince(since: number): Walk<ServiceSettings> {
    return (page) => walkServices(this.#db, since, page);
  }

  /** Refuses (422) one more than a namespace may have, and (409) to delete one that a queue names. */
  async write({ before, next }: Change<ServiceSettings>): Promise<Result<boolean>> {
    const written = await fromDatabase(() => writeService(this.#db, next));
    if (isProblem(written) || written) return written;
    if (next.deleted) return this.#whyKept(next);
    const isNew = before === null || before.deleted;
    return whyUnwritten(this.#services.database, "services", { namespace: next.namespace, isNew });
  }

  async #whyKept(key: ResourceKey): Promise<Result<false>> {
    const queue = await fromDatabase(() => queueOfService(this.#db, key));
    if (isProblem(queue) || queue === null) return queue ?? false;
    return conflict.of("service-in-use", `The queue ${queue} sends its jobs to the service.`);
  }

  bodyOf(settings: ServiceSettings): unknown {
    return serviceBodyOf(settings);
  }

  keeping(body: ServiceBody): ServiceBody {
    return body;
  }

  settings(body: ServiceBody, stamp: Stamp): ServiceSettings {
    return serviceFrom(body, stamp);
  }

  async check({ next }: Change<ServiceSettings>): Promise<Problem | null> {
    return checkInstances(next, alsoRefusing(this.#services.config.targets, this.#host));
  }

  remnant(settings: ServiceSettings): ServiceSettings {
    return forgottenService(settings);
  }

  push(told: ServiceSettings[]): Promise<Result<void>> {
    return tellServices(this.#services, told);
  }

  async views(services: ServiceSettings[]): Promise<ServiceView[]> {
    return services.map(serviceView);
  }

  async alone(settings: ServiceSettings, view: ServiceView): Promise<Result<ServiceView>> {
    const state = await stateOf(this.#services, settings);
    return isProblem(state) ? state : { ...view, state: serviceStateView(state) };
  }
}
