import { canonicalJson } from "../../../contract/canonical-json.ts";
import { NamespaceBody, type NamespaceView } from "../../../contract/namespace.ts";
import { conflict, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits } from "../../../domain/namespace.ts";
import { type Db, primary } from "../../db/client.ts";
import { listNamespaces, type NamespaceRow, settingsOf, walkNamespaces, writeNamespace } from "../../db/namespaces.ts";
import { namespaceRow } from "../access/webhook-secret.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import type { Services } from "../services.ts";
import { pushNamespaces } from "./push-namespaces.ts";

/** A namespace as one of the versioned resources: it lies in no namespace itself, and is never paused. */
export interface StoredNamespace extends Stamp {
  deleted: false;
  paused: false;
  /** Those that were set. */
  limits: Partial<NamespaceLimits>;
  /** Its row; null of one that is to be made. */
  row: NamespaceRow | null;
}

export type NamespaceResource = VersionedResource<StoredNamespace, NamespaceBody, NamespaceView>;

/** The namespaces of the API. `default` always exists. */
export function namespaceResource(services: Services): NamespaceResource {
  return new VersionedResource(new NamespaceKind(services), resourcePorts(services));
}

class NamespaceKind implements Kind<StoredNamespace, NamespaceBody, NamespaceView> {
  readonly what = "namespace";
  readonly body = NamespaceBody;
  /** Some 300 bytes each. */
  readonly pushStep = 200;
  readonly #services: Services;
  readonly #db: Db;

  constructor(services: Services) {
    this.#services = services;
    this.#db = primary(services.database);
  }

  notFound(name: string): Problem {
    return notFound.namespace(name);
  }

  stored({ name }: ResourceKey): Promise<Result<StoredNamespace | null>> {
    return fromDatabase(async () => {
      const row = await namespaceRow(this.#services.database, name, Date.now());
      return row === null ? null : toStored(row);
    });
  }

  list({ after, limit }: ListPage): Promise<Result<StoredNamespace[]>> {
    return fromDatabase(async () => (await listNamespaces(this.#db, { after, limit })).map(toStored));
  }

  changedSince(since: number): Walk<StoredNamespace> {
    return async ({ after, limit }) =>
      (await walkNamespaces(this.#db, since, { after: after?.name ?? null, limit })).map(toStored);
  }

  write({ next }: Change<StoredNamespace>): Promise<Result<boolean>> {
    const { name, version, createdAt, updatedAt, limits } = next;
    const change = { name, version, createdAt, updatedAt, limits };
    return fromDatabase(() => writeNamespace(this.#db, change));
  }

  bodyOf({ limits }: StoredNamespace): unknown {
    return { limits };
  }

  keeping(body: NamespaceBody, { limits }: StoredNamespace): NamespaceBody {
    return { limits, ...body };
  }

  settings({ limits = {} }: NamespaceBody, stamp: Stamp, before: StoredNamespace | null): StoredNamespace {
    // JSON drops what is undefined, and the defaults hold for it.
    const set = JSON.parse(JSON.stringify(limits)) as Partial<NamespaceLimits>;
    // A caller that only wants the namespace to be there changes nothing.
    if (before !== null && canonicalJson(set) === canonicalJson(before.limits)) return before;
    return { ...stamp, deleted: false, paused: false, limits: set, row: before?.row ?? null };
  }

  async check({ next }: Change<StoredNamespace>): Promise<Problem | null> {
    if (next.row === null || next.row.deletingAt === null) return null;
    return conflict.of("namespace-deleting", `The namespace ${next.name} is being deleted.`);
  }

  remnant(settings: StoredNamespace): StoredNamespace {
    return settings;
  }

  /** What is allowed from the answer on is known to every shard. */
  push(namespaces: StoredNamespace[]): Promise<Result<void>> {
    const told = namespaces.map(({ row, ...stored }) => ({
      name: stored.name,
      version: stored.version,
      createdAt: stored.createdAt,
      limits: { ...DEFAULT_NAMESPACE_LIMITS, ...stored.limits },
      deletingAt: row?.deletingAt ?? null,
    }));
    return pushNamespaces(this.#services.shards, told);
  }

  async views(namespaces: StoredNamespace[]): Promise<NamespaceView[]> {
    return namespaces.map(namespaceView);
  }
}

function toStored(row: NamespaceRow): StoredNamespace {
  const { name, version, createdAt, updatedAt, limits } = row;
  // Rows from before there were limits were never changed.
  const changedAt = Math.max(createdAt, updatedAt);
  return { namespace: "", name, version, createdAt, updatedAt: changedAt, deleted: false, paused: false, limits, row };
}

function namespaceView({ name, version, createdAt, updatedAt, limits, row }: StoredNamespace): NamespaceView {
  const deletingAt = row?.deletingAt ?? null;
  return {
    name,
    state: deletingAt === null ? "active" : "deleting",
    limits: { ...DEFAULT_NAMESPACE_LIMITS, ...limits },
    deletion:
      row === null || deletingAt === null
        ? null
        : {
            startedAt: formatTimestamp(deletingAt),
            jobsDeleted: row.jobsDeleted,
            historyDeleted: row.historyDeleted,
            done: row.quietSince !== null,
          },
    version,
    createdAt: formatTimestamp(createdAt),
    updatedAt: formatTimestamp(updatedAt),
  };
}

/** A row as it is shown. */
export function viewOfRow(row: NamespaceRow): NamespaceView {
  return namespaceView(toStored(row));
}

/** Tells every shard of one namespace as its row has it. */
export function pushRow({ shards }: Pick<Services, "shards">, row: NamespaceRow): Promise<Result<void>> {
  return pushNamespaces(shards, [settingsOf(row)]);
}
