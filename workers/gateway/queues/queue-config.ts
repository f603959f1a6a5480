import { isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { QueueBody, type QueueView } from "../../../contract/queue.ts";
import { settingsFrom } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { walkQueues, writeQueue } from "../../db/queues.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Stamp, Walk } from "../resources/kind.ts";
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

/** The queues of the API. `default` always exists. */
export function queueResource(services: Services): QueueResource {
  return new VersionedResource(new QueueKind(services), resourcePorts(services));
}

class QueueKind implements Kind<QueueSettings, QueueBody, QueueView> {
  readonly what = "queue";
  readonly body = QueueBody;
  /** With the most headers that a target may have, some 140 KB each. */
  readonly pushStep = 50;
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
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

  settings(body: QueueBody, stamp: Stamp, before: QueueSettings | null): QueueSettings {
    return settingsFrom(body, { ...stamp, before });
  }

  /** Of a queue that exists, `write` says how limits go with the partitions: whether their number can change, shards know. */
  async check({ before, next, sent }: Change<QueueSettings>): Promise<Problem | null> {
    const undivided = before === null ? checkLimits(next, sent ?? {}) : null;
    if (undivided !== null) return undivided;
    return checkSettings(next, { allowPrivateTargets: this.#services.config.allowPrivateTargets, sent: sent ?? {} });
  }

  remnant(settings: QueueSettings): QueueSettings {
    return settings;
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
