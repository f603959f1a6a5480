import type { BindingKind, TargetBindings } from "./target-bindings.ts";
import type { HttpTarget } from "./target-secrets.ts";
import { hostOf, refusedTarget, type TargetRules } from "./target-url.ts";

/** Jobs run in another Worker of the account, which the processor calls over a service binding. */
export interface WorkerTarget {
  type: "worker";
  /** A service binding of the processor. */
  binding: string;
}

/** Jobs are handed to another Worker's Queue, and are done once that has taken them. */
export interface QueueTarget {
  type: "queue";
  /** A producer binding of the processor. */
  binding: string;
}

/** Jobs are sent to one of the instances of a service of the namespace. */
export interface ServiceTarget {
  type: "service";
  /** The name of the service. */
  service: string;
  /** What follows the URL of an instance: see `isServicePath`. */
  path: string;
}

/** Where the jobs of a queue run. `TARGET_KINDS` says what each kind is. */
export type Target =
  | { type: "pull" }
  | { type: "consumer" }
  | { type: "handler"; name: string }
  | HttpTarget
  | WorkerTarget
  | QueueTarget
  | ServiceTarget;
/** The name of a kind of target. */
export type TargetType = Target["type"];

/**
 * What a job takes of the executor that runs it: `handler` is a place among the jobs in hand, `http` one of the outgoing connections
 * too, of which an invocation has six. The names are those that claims have always had on the wire.
 */
export const ROOMS = ["handler", "http"] as const;
/** One of `ROOMS`. */
export type Room = (typeof ROOMS)[number];

/** What a deployment lets targets be. */
export interface TargetDeployment {
  urls: TargetRules;
  /** The names of the handlers that the processor has. */
  handlers: readonly string[];
  bindings: TargetBindings;
}

/** Why a target that is well-formed cannot work: a problem's code and sentence, and what is wrong with which member of it. */
export interface TargetFault {
  code: "handler-not-found" | "target-refused" | "binding-not-found";
  detail: string;
  field: string;
  fieldDetail: string;
}

/** What the platform has to know of a kind of target. */
interface TargetKind<T> {
  /** Who claims: the processor by lane, a consumer by queue when the lane's bell rings, or workers whom nobody calls. */
  readonly claimedBy: "processor" | "consumer" | "workers";
  /** What a running job takes of the processor; null where another claims. */
  readonly room: Room | null;
  /** At the other end of the connection that a running job holds, what is counted together. */
  readonly peer: (target: T, namespace: string) => string;
  /** Whether its attempts end by a report of the target's own, and may outlast an invocation of the processor. */
  readonly reportsItself: (target: T) => boolean;
  readonly fault: (target: T, deployment: TargetDeployment) => TargetFault | null;
}

const never = () => false;
const none = () => null;
const noPeer = () => "";

/**
 * The kinds of targets, which is all that the platform knows of a kind but for its words (`contract/target.ts`) and, where the processor
 * claims, the code that runs its jobs (`workers/processor/executors/execute.ts`). Neither compiles without it.
 *
 * - `pull`: at workers that claim over HTTP.
 * - `consumer`: at a Worker of the user's own, which consumes the Queue of the lane and claims when the bell rings.
 * - `handler`: in the processor, by the handler of that name.
 * - `http`: at an HTTP endpoint, which the processor calls.
 * - `worker`: in another Worker, which the processor calls over a service binding. What that sends counts among the six connections of
 *   the processor's invocation, so a job takes one.
 * - `queue`: in another Worker's Queue. Jobs that are sent together are one call, so they take no connection each.
 * - `service`: at an instance of a service of the namespace, which is chosen when the job is sent. Whether there is such a service, the
 *   gateway has to look up.
 */
export const TARGET_KINDS = {
  pull: { claimedBy: "workers", room: null, peer: noPeer, reportsItself: () => true, fault: none },
  consumer: { claimedBy: "consumer", room: null, peer: noPeer, reportsItself: never, fault: none },
  handler: { claimedBy: "processor", room: "handler", peer: noPeer, reportsItself: never, fault: unknownHandler },
  http: {
    claimedBy: "processor",
    room: "http",
    peer: ({ url }) => `host ${hostOf(url)}`,
    reportsItself: ({ async }) => async === true,
    fault: refusedUrl,
  },
  worker: {
    claimedBy: "processor",
    room: "http",
    peer: ({ binding }) => `binding ${binding}`,
    reportsItself: never,
    fault: unknownBinding,
  },
  queue: { claimedBy: "processor", room: "handler", peer: noPeer, reportsItself: never, fault: unknownBinding },
  service: {
    claimedBy: "processor",
    room: "http",
    peer: ({ service }, namespace) => `service ${namespace}/${service}`,
    reportsItself: never,
    fault: none,
  },
} as const satisfies { readonly [Type in TargetType]: TargetKind<Extract<Target, { type: Type }>> };

/** The kinds of targets whose jobs the processor claims. */
export type PushType = {
  [Type in TargetType]: (typeof TARGET_KINDS)[Type]["claimedBy"] extends "processor" ? Type : never;
}[TargetType];
/** A target whose jobs the processor claims, by lane. Those of the others are claimed by queue, through the pull door. */
export type PushTarget = Extract<Target, { type: PushType }>;

export const PUSH_TYPES = (Object.keys(TARGET_KINDS) as TargetType[]).filter(isPushType);

function isPushType(type: TargetType): type is PushType {
  return TARGET_KINDS[type].claimedBy === "processor";
}

/** What is known of the kind of a target. Of a target that a newer version has stored there may be no kind: then it is null. */
export function kindOf<T extends Target>(target: T): TargetKind<T> | null {
  // The list has for each kind what takes targets of that kind, which a lookup by a union cannot say.
  return Object.hasOwn(TARGET_KINDS, target.type) ? (TARGET_KINDS[target.type] as unknown as TargetKind<T>) : null;
}

/** Whether the processor claims the jobs of this target. */
export function isPushed(target: Target): target is PushTarget {
  return kindOf(target)?.claimedBy === "processor";
}

/** What a running job of the target takes of the processor. */
export function roomOf(target: PushTarget): Room {
  return TARGET_KINDS[target.type].room;
}

/** What is at the other end of the outgoing connection that a running job of the target holds; null where it holds none. */
export function peerOf(target: Target, namespace: string): string | null {
  const kind = kindOf(target);
  return kind?.room === "http" ? kind.peer(target, namespace) : null;
}

function unknownHandler({ name }: { name: string }, { handlers }: TargetDeployment): TargetFault | null {
  if (handlers.includes(name)) return null;
  return {
    code: "handler-not-found",
    detail: `There is no handler "${name}".`,
    field: "name",
    fieldDetail: `name is that of a handler: ${handlers.join(", ")}.`,
  };
}

function refusedUrl({ url }: { url: string }, { urls }: TargetDeployment): TargetFault | null {
  const refused = refusedTarget(url, urls);
  if (refused === null) return null;
  return {
    code: "target-refused",
    detail: `The target's URL is not allowed: ${refused}.`,
    field: "url",
    fieldDetail: `url is not allowed: ${refused}.`,
  };
}

const LEADS_TO: Record<BindingKind, string> = { worker: "a Worker", queue: "a Queue" };

function unknownBinding(
  { type, binding }: WorkerTarget | QueueTarget,
  { bindings }: TargetDeployment,
): TargetFault | null {
  if (bindings.get(binding) === type) return null;
  const known = [...bindings].flatMap(([name, kind]) => (kind === type ? name : []));
  const listed = known.length === 0 ? "the deployment has none" : known.join(", ");
  return {
    code: "binding-not-found",
    detail: `The processor has no binding "${binding}" to ${LEADS_TO[type]} that targets may name.`,
    field: "binding",
    fieldDetail: `binding is that of ${LEADS_TO[type]}, as the variable TARGET_BINDINGS lists them: ${listed}.`,
  };
}
