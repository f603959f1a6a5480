import type { z } from "zod";
import type { Problem, Result } from "../../../contract/problems.ts";

/** Names one resource of a kind. */
export interface ResourceKey {
  namespace: string;
  name: string;
}

/** What says which version of which resource some settings are. Times are epoch ms. */
export interface Stamp extends ResourceKey {
  /** Grows with every change, over deletion and re-creation too. */
  version: number;
  createdAt: number;
  updatedAt: number;
}

export interface Versioned extends Stamp {
  deleted: boolean;
  /** Left out of kinds that are never paused. */
  paused?: boolean;
}

/** One change that is to be written. */
export interface Change<Settings> {
  /** As stored, also where it is deleted; null where there never was one. */
  before: Settings | null;
  next: Settings;
  /** What the caller sent: the body of a PUT, or a patch. Null where the call has no body. */
  sent: object | null;
}

/** Where a page of a list begins. */
export interface ListPage {
  namespace: string;
  /** The last one of the page before. */
  after: { createdAt: number; name: string } | null;
  limit: number;
}

/** Some of all resources, in the order of their keys, deleted ones too: at most `limit` after `after`. */
export type Walk<Settings> = (page: { after: ResourceKey | null; limit: number }) => Promise<Settings[]>;

/** How secrets are sealed again. */
export interface Sealing<Settings> {
  /** The settings with all of their secrets under the current key; null where one of them does not open. */
  resealed(settings: Settings): Promise<Settings | null>;
  /** Writes the next version; false where somebody else has. */
  write(next: Settings): Promise<Result<boolean>>;
}

/** What is one kind's own: `Settings` as they are kept, `Body` as a PUT takes them, `View` as they are shown. */
export interface Kind<Settings extends Versioned, Body extends object, View> {
  /** What it is called in a sentence: "queue". */
  readonly what: string;
  readonly body: z.ZodType<Body>;
  /** How many are pushed to the shards at once, so that no message is too large. */
  readonly pushStep: number;
  notFound(name: string): Problem;

  /** As last written, deleted ones too; null where there never was one. */
  stored(key: ResourceKey): Promise<Result<Settings | null>>;
  /** Those of a namespace that are not deleted, newest first. */
  list(page: ListPage): Promise<Result<Settings[]>>;
  /** Those that were written at or after `since` (epoch ms). */
  changedSince(since: number): Walk<Settings>;
  /** Writes the change where nobody has written since `before` was read; false where somebody has. */
  write(change: Change<Settings>): Promise<Result<boolean>>;

  /** What a PUT has to say to get these settings. */
  bodyOf(settings: Settings): unknown;
  /** The body of a PUT with what stays, because it does not name it. */
  keeping(body: Body, current: Settings): Body;
  /** The settings that a body makes. */
  settings(body: Body, stamp: Stamp, before: Settings | null): Result<Settings> | Promise<Result<Settings>>;
  /** Why the settings cannot work, or null. */
  check(change: Change<Settings>): Promise<Problem | null>;
  /** What is left of a deleted one, for as long as its version counts. */
  remnant(settings: Settings): Settings;

  /** Tells the shards. One that has heard does nothing. */
  push(settings: Settings[]): Promise<Result<void>>;
  /** Tells this isolate and others, once the shards know. */
  spread?(settings: Settings, now: number): Promise<void>;
  /** What is done so that secrets in the settings are under the current key, for kinds that have any. */
  readonly sealing?: Sealing<Settings>;
  /** As they are shown, with what the shards say of them. */
  views(settings: Settings[]): Promise<Result<View[]>>;
  /** The view of one that is not shown in a list, which may say more. */
  alone?(settings: Settings, view: View): View | Promise<Result<View>>;
}
