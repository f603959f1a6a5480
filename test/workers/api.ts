import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import type { KeyBody, KeyCreatedView } from "../../contract/admin.ts";
import type { JobView } from "../../contract/job.ts";
import type { ClaimedJobView, ClaimInput, ClaimView } from "../../contract/pull.ts";
import type { QueueInput, QueueView } from "../../contract/queue.ts";
import { parseJobId } from "../../domain/job-id.ts";
import { initialMap, ownerOf } from "../../domain/slots.ts";
import type { Shard } from "../limits/gateway.ts";

/** What tests on the real runtime share: the API over HTTP, and the objects behind it. */

export const ROOT = "dure_root_of-the-tests-0123456789abcdefghijkl";
const ORIGIN = "https://dure.test";
const SHARD_IDS = Array.from({ length: Number(env.SHARDS) }, (_, i) => `shard-${i}`);

export interface CallOptions {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, with `application/json` unless `headers` say otherwise. */
  text?: BodyInit;
  /** A whole token; null sends none. */
  key?: string | null;
  headers?: Record<string, string>;
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  /** The JSON of the answer; undefined when it has no body. Other text as a string. */
  body: T;
}

/** What every error is. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { pointer: string; header?: string; detail: string }[];
}

export function request(method: string, path: string, options: CallOptions = {}): Request {
  const headers = new Headers();
  const key = options.key === undefined ? ROOT : options.key;
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  const body = options.text ?? (options.body === undefined ? null : JSON.stringify(options.body));
  if (body !== null) headers.set("content-type", "application/json");
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
  return new Request(`${ORIGIN}${path}`, { method, headers, body, redirect: "manual" });
}

/** One call through the gateway's entry. */
export async function call<T = Problem>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  return answerOf<T>(await exports.default.fetch(request(method, path, options)));
}

export async function answerOf<T>(response: Response): Promise<Answer<T>> {
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const body = text === "" ? undefined : isJson ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body: body as T };
}

/** A call that has to succeed: throws with the whole answer otherwise. */
export async function must<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const answer = await call<T>(method, path, options);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

let names = 0;
/** A queue name that no other test of the file has. */
export function freshName(prefix = "q"): string {
  names += 1;
  return `${prefix}-${names}`;
}

/** A new queue with these settings; answers its name. */
export async function newQueue(settings: QueueInput = {}, key = ROOT): Promise<string> {
  const name = freshName();
  await putQueue(name, settings, key);
  return name;
}

export function putQueue(name: string, settings: QueueInput, key = ROOT): Promise<QueueView> {
  return must("PUT", `/v1/queues/${name}`, { body: settings, key });
}

/** Accepts one job; `payload` defaults to null. */
export function submit(body: Record<string, unknown>, options: CallOptions = {}): Promise<JobView> {
  return must("POST", "/v1/jobs", { ...options, body: { payload: null, ...body } });
}

export function getJob(id: string, options: CallOptions = {}): Promise<JobView> {
  return must("GET", `/v1/jobs/${id}`, options);
}

/** Claims from a pull queue. */
export async function claim(queue: string, body: ClaimInput = {}, key = ROOT): Promise<ClaimedJobView[]> {
  return (await must<ClaimView>("POST", `/v1/queues/${queue}/claim`, { body, key })).jobs;
}

/** Claims exactly one. */
export async function claimOne(queue: string, body: ClaimInput = {}, key = ROOT): Promise<ClaimedJobView> {
  const [job] = await claim(queue, { max: 1, wait: 2, ...body }, key);
  if (job === undefined) throw new Error(`nothing to claim in ${queue}`);
  return job;
}

export function succeed<T = JobView>(lease: string, result: unknown = null): Promise<Answer<T>> {
  return call<T>("POST", `/v1/leases/${lease}/succeed`, { body: { result } });
}

export function fail<T = JobView>(lease: string, error: Record<string, unknown> = {}): Promise<Answer<T>> {
  return call<T>("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "broken", ...error } } });
}

export async function makeNamespace(name: string): Promise<string> {
  await must("PUT", `/v1/namespaces/${name}`, { body: {} });
  return name;
}

/** A new API key: the whole token. */
export async function makeKey(scopes: KeyBody["scopes"], namespace = "default"): Promise<KeyCreatedView> {
  return must("POST", "/v1/keys", { body: { name: "test", scopes, namespace } });
}

/** Everything in memory is gone: what is read afterwards comes from disk. */
export async function evict(): Promise<void> {
  await evictAllDurableObjects();
}

export function shard(id: string): DurableObjectStub<Shard> {
  return env.SHARD.getByName(id);
}

export function shards(): { id: string; stub: DurableObjectStub<Shard> }[] {
  return SHARD_IDS.map((id) => ({ id, stub: shard(id) }));
}

/** The shard that a job lies on. */
export function shardOf(jobId: string): string {
  return ownerOf(initialMap(SHARD_IDS.length), parseJobId(jobId)?.slot ?? 0);
}

/** Which of these jobs their shards have. */
export async function existingAnywhere(ids: string[]): Promise<string[]> {
  const byOwner = Map.groupBy(ids, shardOf);
  const replies = await Promise.all(
    [...byOwner].map(([owner, own]) => shard(owner).existingIds({ v: 1, epoch: 1, ids: own })),
  );
  return replies.flatMap(({ result }) => (result.type === "existing" ? result.ids : []));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
