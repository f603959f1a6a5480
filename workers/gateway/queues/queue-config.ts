import { HANDLER_NAMES } from "../../../contract/handlers.ts";
import { isProblem, notFound, type Problem, type Result, under } from "../../../contract/problems.ts";
import { QueueBody, type QueueView } from "../../../contract/queue.ts";
import { settingsFrom } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { alsoRefusing } from "../../../domain/target-url.ts";
import type { TargetOwner } from "../../crypto/places.ts";
import { primary } from "../../db/client.ts";
import { walkQueues, writeQueue } from "../../db/queues.ts";
import { findService } from "../../db/services.ts";
import { resealedTarget, sealedTarget, withoutSecrets } from "../access/target-secrets.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Sealing, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { Services } from "../services.ts";
import { conditionOf } from "./queue-change.ts";
import { pushQueues, writeFrozen } from "./queue-freeze.ts";
import { checkLimits, checkSettings, limitBelow, queueView, settingsView } from "./queue-settings.ts";
import { listedQueues, storedQueue } from "./stored-queue.ts";

export interface QueueName {
  namespace: string;
  queue: string;
}

export type QueueResource = VersionedResource<QueueSettings, QueueBody, QueueView>;

/** The queues of the API. `default` always exists. `host` is the one to which the request came, which no target may name. */
export function queueResource(services: Services, host: string | null = null): QueueResource {
  return new VersionedResource(new QueueKind(services, host), resourcePorts(services));
}

class QueueKind implements Kind<QueueSettings, QueueBody, QueueView> {
  readonly what = "queue";
  readonly body = QueueBody;
  /** With the most headers that a target may have, sealed, some 180 KB each. */
  readonly pushStep = 50;
  readonly #services: Services;
  readonly #host: string | null;

  constructor(services: Services, host: string | null) {
    this.#services = services;
    this.#host = host;
  }

  notFound(name: string): Problem {
    return notFound.queue(name);
  }

  stored(key: ResourceKey): Promise<Result<QueueSettings | null>> {
    return storedQueue(this.#services.database, key);
  }

  list(page: ListPage): Promise<Result<QueueSettings[]>> {
    return listedQueues(this.#services.database, page);
  }

  changedSince(since: number): Walk<QueueSettings> {
    return (page) => walkQueues(primary(this.#services.database), since, page);
  }

  /** Some changes are refused (409, 422) while shards have jobs or keys that depend on what is changed. */
  write(change: Change<QueueSettings>): Promise<Result<boolean>> {
    const { before } = change;
    const write = () => this.#write(change);
    const refusal = conditionOf(change);
    if (before === null || refusal === null) return write();
    return writeFrozen(this.#services.shards, before, { refusal, write });
  }

  /** Refuses (422) one more than a namespace may have. */
  async #write({ before, next }: Change<QueueSettings>): Promise<Result<boolean>> {
    const { database } = this.#services;
    const written = await fromDatabase(() => writeQueue(primary(database), next));
    if (isProblem(written) || written) return written;
    const isNew = before === null || before.deleted || before.version === 0;
    return whyUnwritten(database, "queues", { namespace: next.namespace, isNew });
  }

  bodyOf(settings: QueueSettings): unknown {
    return settingsView(settings);
  }

  /** Partitions stay as long as the limits of the body can be divided over them. */
  keeping(body: QueueBody, { paused, partitions }: QueueSettings): QueueBody {
    const { concurrency = null, rate = null, maxBacklog = null } = body;
    const stays = limitBelow({ concurrency, rate, maxBacklog }, partitions) === null;
    return { ...(stays ? { partitions } : {}), paused, ...body };
  }

  async settings(body: QueueBody, stamp: Stamp, before: QueueSettings | null): Promise<Result<QueueSettings>> {
    const settings = settingsFrom(body, { ...stamp, before });
    if (settings.target.type !== "http") return settings;
    const target = await sealedTarget(this.#services.vault, ownerOf(settings), {
      sent: settings.target,
      before: before !== null && !before.deleted && before.target.type === "http" ? before.target : null,
    });
    return isProblem(target) ? target : { ...settings, target };
  }

  readonly sealing: Sealing<QueueSettings> = {
    resealed: async (settings) => {
      if (settings.target.type !== "http") return null;
      if (settings.deleted) return this.remnant(settings);
      const target = await resealedTarget(this.#services.vault, ownerOf(settings), settings.target);
      return target === null ? null : { ...settings, target };
    },
    write: (next) => fromDatabase(() => writeQueue(primary(this.#services.database), next)),
  };

  /** Of a queue that exists, `write` says how limits go with the partitions: whether their number can change, shards know. */
  async check({ before, next, sent }: Change<QueueSettings>): Promise<Problem | null> {
    const undivided = before === null || before.deleted ? checkLimits(next, sent ?? {}) : null;
    if (undivided !== null) return undivided;
    const { targets: urls, bindings } = this.#services.config;
    const targets = { urls: alsoRefusing(urls, this.#host), handlers: HANDLER_NAMES, bindings };
    return checkSettings(next, { targets, sent: sent ?? {} }) ?? this.#whyNoService(next);
  }

  /** A service that the target names has to exist. */
  async #whyNoService({ namespace, target }: QueueSettings): Promise<Problem | null> {
    if (target.type !== "service") return null;
    const name = target.service;
    const service = await fromDatabase(() => findService(primary(this.#services.database), { namespace, name }));
    if (isProblem(service)) return service;
    return service === null || service.deleted ? under("/target", notFound.service(name), "/service") : null;
  }

  /** A deleted queue keeps no secret of its target. */
  remnant(settings: QueueSettings): QueueSettings {
    const { target } = settings;
    return target.type === "http" ? { ...settings, target: withoutSecrets(target) } : settings;
  }

  push(queues: QueueSettings[]): Promise<Result<void>> {
    return pushQueues(this.#services.shards, queues);
  }

  async spread(settings: QueueSettings, now: number): Promise<void> {
    this.#services.settings.learn(settings, now);
    if (settings.version > 0) await this.#services.settings.publish(settings);
  }

  async views(queues: QueueSettings[]): Promise<QueueView[]> {
    return queues.map(queueView);
  }
}

function ownerOf({ namespace, name }: QueueSettings): TargetOwner {
  return { kind: "queue", namespace, name };
}
