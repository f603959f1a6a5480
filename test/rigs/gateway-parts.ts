/** Parts of one isolate of the gateway, over shards, a Directory and settings that a test makes up. */
import type { SubmitInput } from "../../contract/job.ts";
import { JsonText } from "../../contract/json-text.ts";
import { isProblem, notFound, type Result } from "../../contract/problems.ts";
import type { RunReply, RunRequest, ShardApi, SubmitReply, SubmitRequest, TransactionApi } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { initialMap, type SlotMap } from "../../domain/slots.ts";
import type { SettingsCache } from "../../workers/gateway/routing/settings-cache.ts";
import { ShardClient } from "../../workers/gateway/routing/shard-client.ts";
import type { OpenWatch } from "../../workers/gateway/routing/watch.ts";
import type { Services } from "../../workers/gateway/services.ts";
import { drawRandomness } from "../../workers/gateway/submit/randomness.ts";
import { submission as read } from "../../workers/gateway/submit/submission.ts";
import { submitAll as submit } from "../../workers/gateway/submit/submit.ts";
import { replyOf, shardWith } from "./replies.ts";

/** Services of which only `parts` may be used. */
export function servicesWith(parts: Partial<Services>): Services {
  return parts as Services;
}

interface MadeUp {
  /** What may be asked of a shard. */
  shard(id: string): Partial<ShardApi>;
  /** How shards are watched; not at all where it is left out. */
  watch?: OpenWatch;
  /** The map that the Directory has at the moment: four shards, unless it is given. */
  map?(): SlotMap;
  /** Where the clock stands at first, in milliseconds. */
  startAt?: number;
}

const noWatch: OpenWatch = async () => {
  throw new Error("no shard holds a watch here");
};

/** The gateway's client of shards that a test makes up. Its clock moves in sleeps, which end at once, and where the test moves it. */
export class ShardsRig {
  now: number;
  /** How often the Directory was asked. */
  directoryCalls = 0;
  readonly client: ShardClient;

  constructor({ shard, watch = noWatch, map = () => initialMap(4), startAt = 0 }: MadeUp) {
    this.now = startAt;
    this.client = new ShardClient({
      shard: (id) => shardWith(shard(id)),
      watch,
      directory: () => ({
        map: async () => {
          this.directoryCalls++;
          return map();
        },
        usedShards: async () => map().shards.map(({ id }) => id),
      }),
      now: () => this.now,
      random: () => 0.5,
      sleep: async (ms) => {
        this.now += ms;
      },
    });
  }
}

/** A map of before, and one of after two of its shards have left: half of all slots are others' then. */
export const BEFORE_MOVE = initialMap(4);
export const AFTER_MOVE: SlotMap = { ...initialMap(2), epoch: 2 };
/** A slot of each shard of before, and a job in each. */
export const MOVED_SLOTS = [1, 1500, 2500, 4000];
export const MOVED_IDS = MOVED_SLOTS.map((slot, n) => makeJobId(n, slot, new Uint8Array(8)));

/** The value of a result that is to have no problem. */
export function sound<T>(result: Result<T>): T {
  if (isProblem(result)) throw new Error(result.detail);
  return result as T;
}

/** When the jobs of `submitRig` are submitted. */
export const NOW = Date.UTC(2026, 10, 22);
/** What a shard says of a job that it took. */
export const accepted = { type: "accepted", state: "queued", createdAt: NOW, runAt: NOW } as const;

/** A shard's answer that takes all jobs of a request. */
export const takesAll = (request: SubmitRequest): SubmitReply => ({
  type: "submitted",
  results: request.jobs.map(() => accepted),
});

/** Services to submit with, over four shards: `answer` sees each submission, `queues` is what the isolate knows. */
export function submitRig(
  answer: (request: SubmitRequest, shard: string) => SubmitReply,
  queues: QueueSettings[],
  transact: (request: RunRequest) => RunReply = () => ({ type: "unavailable" }),
) {
  const transactions: RunRequest[] = [];
  const requests: { shard: string; request: SubmitRequest }[] = [];
  const shard = (id: string) => ({
    submit: async (request: SubmitRequest) => {
      requests.push({ shard: id, request });
      return replyOf(answer(request, id));
    },
  });
  const transaction: Pick<TransactionApi, "run"> = {
    run: async (request) => {
      transactions.push(request);
      return transact(request);
    },
  };
  const { client: shards } = new ShardsRig({ shard, startAt: NOW });
  const settings = settingsKnowing(queues);
  const services = servicesWith({ shards, settings, transaction: () => transaction as TransactionApi });
  return { services, requests, transactions };
}

function settingsKnowing(queues: QueueSettings[]): SettingsCache {
  const known = new Map(queues.map((settings) => [settings.name, settings]));
  const find = (queue: string) => {
    const found = known.get(queue);
    return found === undefined || found.deleted ? notFound.queue(queue) : found;
  };
  const cache: Pick<SettingsCache, "get" | "several" | "learn"> = {
    get: async (_namespace, queue) => find(queue),
    several: async (_namespace, queues) => queues.map(find),
    learn: (learned) => void known.set(learned.name, learned),
  };
  return cache as SettingsCache;
}

/** A job as it is read from the body that sends it. */
export const readJob = (job: SubmitInput) => ({ ...job, payload: new JsonText(JSON.stringify(job.payload)) });
/** A submission without a fault. */
export const submission = async (job: SubmitInput, now: number) => sound(await read(readJob(job), now));
/** What becomes of jobs where the request as a whole has no problem. */
export const submitAll = async (...of: Parameters<typeof submit>) => sound(await submit(...of));

/** How jobs are submitted. */
export const submitOptions = (atomic = false) => ({
  namespace: "default",
  atomic,
  randomness: drawRandomness(),
  now: NOW,
});

/** Submissions of the queue `default` without keys. */
export const plainJobs = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => submission({ payload: i }, NOW)));
