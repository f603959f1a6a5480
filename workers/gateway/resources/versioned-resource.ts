import type { Page, PageQuery } from "../../../contract/list.ts";
import { patched } from "../../../contract/merge-patch.ts";
import { Name } from "../../../contract/primitives.ts";
import { invalid, isProblem, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { Signer } from "../access/signing.ts";
import { type Answered, created, DELETED, done } from "../answered.ts";
import { fromDatabase } from "../database.ts";
import type { Services } from "../services.ts";
import { unmetCondition, versionTag } from "./if-match.ts";
import type { Kind, ResourceKey, Stamp, Versioned, Walk } from "./kind.ts";
import { createdPlace, pageOf } from "./page.ts";
import { intoPatch } from "./patch-errors.ts";

/** Each try reads again; of writers that meet, one gets through each time, and the others wait a random moment. */
const MAX_TRIES = 30;
const MAX_PAUSE_MS = 50;

/** What changes need of the world: to wait, and a number from 0 to below 1. */
export interface ResourcePorts {
  pause(ms: number): Promise<void>;
  random(): number;
}

export function resourcePorts({ shards }: Pick<Services, "shards">): ResourcePorts {
  return { pause: (ms) => shards.pause(ms), random: () => Math.random() };
}

/** What every change comes with. */
export interface ChangeRequest {
  /** The `If-Match` header; null where there is none. */
  ifMatch: string | null;
  /** Epoch ms. */
  now: number;
}

/** Which part of a walk is made. */
export interface WalkPart {
  /** The last one that was visited; null: from the beginning. */
  from: ResourceKey | null;
  /** Whether there is time, and queries left, for another page. */
  goOn(): boolean;
}

const WHOLE_WALK: WalkPart = { from: null, goOn: () => true };

interface Request extends ChangeRequest {
  /** The body of the call, null where it has none. */
  sent: object | null;
  /** What to refuse with where there is nothing to change; null: it is created. */
  missing: Problem | null;
}

/** What a change is made from. */
interface State<Settings> {
  /** As stored, also where it is deleted; null where there never was one. */
  before: Settings | null;
  /** The same, null where it is deleted. */
  current: Settings | null;
  /** Of the settings to come. */
  stamp: Stamp;
}

/** The settings to write, out of what there is; `current` itself where there is nothing to write. */
type Decide<Settings> = (state: State<Settings>) => Result<Settings> | Promise<Result<Settings>>;

interface Changed<Settings> {
  settings: Settings;
  created: boolean;
}

/**
 * Settings with a name and a version that D1 keeps and the shards follow: queues, schedules, subscriptions. A change is written
 * to D1 first, which has the truth, and only over the version that it was made from; then every shard is told, so that it acts
 * before it is answered. A shard that could not be reached hears of it from the cron, by `repush`.
 */
export class VersionedResource<Settings extends Versioned, Body extends object, View> {
  readonly #kind: Kind<Settings, Body, View>;
  readonly #ports: ResourcePorts;

  constructor(kind: Kind<Settings, Body, View>, ports: ResourcePorts) {
    this.#kind = kind;
    this.#ports = ports;
  }

  /** The settings as last written. A name that cannot be one is a 404 like any other unknown one. */
  async find(key: ResourceKey): Promise<Result<Settings>> {
    const stored = isName(key) ? await this.#kind.stored(key) : null;
    if (isProblem(stored)) return stored;
    return stored === null || stored.deleted ? this.#kind.notFound(key.name) : stored;
  }

  async get(key: ResourceKey): Promise<Result<Answered<View>>> {
    const settings = await this.find(key);
    return isProblem(settings) ? settings : this.#answer({ settings, created: false });
  }

  /** A page of the namespace's, newest first. */
  async list(signer: Signer, namespace: string, query: PageQuery): Promise<Result<Answered<Page<View>>>> {
    const page = await pageOf<Settings, View>(signer, query, {
      name: `${this.#kind.what}s:${namespace}`,
      read: (after, limit) => this.#kind.list({ namespace, after: createdPlace(after), limit }),
      placeOf: ({ createdAt, name }) => `${createdAt}/${name}`,
      views: (rows) => this.#kind.views(rows),
    });
    return isProblem(page) ? page : done(page);
  }

  /** Creates it, or replaces all of it but what stays when a PUT does not name it. */
  async put(key: ResourceKey, body: Body, request: ChangeRequest): Promise<Result<Answered<View>>> {
    if (!isName(key)) return invalid.name(this.#kind.what);
    const changed = await this.#change(key, { ...request, sent: body, missing: null }, (state) =>
      this.#made(state, state.current === null ? body : this.#kind.keeping(body, state.current), body),
    );
    return isProblem(changed) ? changed : this.#answer(changed);
  }

  /** Lays a JSON merge patch over what a PUT would have to say to get what there is. Faults are pointed to in the patch. */
  async patch(key: ResourceKey, patch: object, request: ChangeRequest): Promise<Result<Answered<View>>> {
    let whole: unknown = null;
    const changed = await this.#change(key, this.#existing(key, { ...request, sent: patch }), (state) => {
      const { body } = this.#kind;
      const before = state.current === null ? {} : this.#kind.bodyOf(state.current);
      whole = patched(body, before, patch);
      const parsed = body.safeParse(whole);
      return parsed.success ? this.#made(state, parsed.data, patch) : invalid.schema(parsed.error);
    });
    return isProblem(changed) ? intoPatch(patch, changed, whole) : this.#answer(changed);
  }

  /** Pauses or resumes. The shards are told again though nothing changes: one that missed the last push hears it now. */
  async setPaused(key: ResourceKey, paused: boolean, now: number): Promise<Result<Answered<View>>> {
    const request = this.#existing(key, { ifMatch: null, now, sent: null });
    const changed = await this.#change(key, request, ({ current, stamp }) =>
      current === null || current.paused === paused
        ? (current ?? this.#kind.notFound(key.name))
        : { ...current, ...stamp, paused },
    );
    return isProblem(changed) ? changed : this.#answer(changed);
  }

  async remove(key: ResourceKey, request: ChangeRequest): Promise<Result<Answered<null>>> {
    const changed = await this.#change(key, this.#existing(key, { ...request, sent: null }), ({ current, stamp }) =>
      current === null ? this.#kind.notFound(key.name) : this.#kind.remnant({ ...current, ...stamp, deleted: true }),
    );
    return isProblem(changed) ? changed : DELETED;
  }

  /**
   * Tells the shards again of what was written at or after `since` (epoch ms; 0 is all), as long as `goOn` says so before each
   * page. What they know already costs them nothing. Answers where the next call has to go on; null at the end.
   */
  async repush(since: number, part: WalkPart = WHOLE_WALK): Promise<Result<ResourceKey | null>> {
    return this.pushAll(this.#kind.changedSince(since), part);
  }

  /** The same of those that `walk` visits. */
  async pushAll(walk: Walk<Settings>, { from, goOn }: WalkPart = WHOLE_WALK): Promise<Result<ResourceKey | null>> {
    const limit = this.#kind.pushStep;
    for (let after = from; goOn(); ) {
      const page: Result<Settings[]> = await fromDatabase(() => walk({ after, limit }));
      if (isProblem(page)) return page;
      const pushed = page.length === 0 ? undefined : await this.#kind.push(page);
      if (isProblem(pushed)) return pushed;
      const last = page.at(-1);
      if (last === undefined || page.length < limit) return null;
      after = { namespace: last.namespace, name: last.name };
      from = after;
    }
    return from;
  }

  /**
   * Seals the secrets of one, deleted or not, under the current key: a new version, which the shards are told of. False where somebody
   * else has written since, or where one of them does not open.
   */
  async reseal(key: ResourceKey, now: number): Promise<Result<boolean>> {
    const before = await this.#kind.stored(key);
    if (isProblem(before)) return before;
    const sealed = before === null ? null : await this.#kind.sealing?.resealed(before);
    if (before === null || sealed === null || sealed === undefined) return false;
    const next = { ...sealed, version: before.version + 1, updatedAt: now };
    const written = await this.#kind.sealing?.write(next);
    if (isProblem(written) || written !== true) return written ?? false;
    const told = await this.#tell({ settings: next, created: false }, now);
    return isProblem(told) ? told : true;
  }

  #existing(key: ResourceKey, request: Omit<Request, "missing">): Request {
    return { ...request, missing: this.#kind.notFound(key.name) };
  }

  /** Tries until no other writer came between, then tells the shards. */
  async #change(key: ResourceKey, request: Request, decide: Decide<Settings>): Promise<Result<Changed<Settings>>> {
    const { what } = this.#kind;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const before = isName(key) ? await this.#kind.stored(key) : null;
      if (isProblem(before)) return before;
      const current = before === null || before.deleted ? null : before;
      if (current === null && request.missing !== null) return request.missing;
      const refused = unmetCondition(request.ifMatch, what, current?.version ?? null);
      if (refused !== null) return refused;
      const next = await decide({ before, current, stamp: stampOf(key, before, request.now) });
      if (isProblem(next)) return next;
      const written = next === current || (await this.#kind.write({ before, next, sent: request.sent }));
      if (isProblem(written)) return written;
      if (written) return this.#tell({ settings: next, created: current === null }, request.now);
      await this.#ports.pause(this.#ports.random() * MAX_PAUSE_MS);
    }
    return unavailable.contended(what);
  }

  async #tell(changed: Changed<Settings>, now: number): Promise<Result<Changed<Settings>>> {
    const pushed = await this.#kind.push([changed.settings]);
    if (isProblem(pushed)) return pushed;
    await this.#kind.spread?.(changed.settings, now);
    return changed;
  }

  async #made({ before, stamp }: State<Settings>, body: Body, sent: object): Promise<Result<Settings>> {
    const next = await this.#kind.settings(body, stamp, before);
    if (isProblem(next)) return next;
    return (await this.#kind.check({ before, next, sent })) ?? next;
  }

  async #answer({ settings, created: isNew }: Changed<Settings>): Promise<Result<Answered<View>>> {
    const views = await this.#kind.views([settings]);
    if (isProblem(views)) return views;
    const [shown] = views;
    if (shown === undefined) return this.#kind.notFound(settings.name);
    const view = (await this.#kind.alone?.(settings, shown)) ?? shown;
    if (isProblem(view)) return view;
    const etag = versionTag(settings.version);
    return isNew ? created(view, { etag }) : done(view, { etag });
  }
}

function isName({ name }: ResourceKey): boolean {
  return Name.safeParse(name).success;
}

/** What exists without ever having been written (version 0) begins with its first change. */
function stampOf({ namespace, name }: ResourceKey, before: Versioned | null, now: number): Stamp {
  const began = before === null || before.deleted || before.version === 0 ? now : before.createdAt;
  return { namespace, name, version: (before?.version ?? 0) + 1, createdAt: began, updatedAt: now };
}
