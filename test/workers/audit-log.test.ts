import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AuditLogEntryView, AuditLogView } from "../../contract/audit-log.ts";
import { isAudited } from "../../contract/http/call.ts";
import { CALL_LIST, type CallName } from "../../contract/http/calls.ts";
import { firstIdAt, makeKeyId } from "../../workers/gateway/access/token.ts";
import { Dure } from "../limits/gateway.ts";
import { call, claimOne, freshName, makeKey, makeNamespace, must, newQueue, ROOT, submit } from "./api.ts";
import { resetClock, runCron, stopClock } from "./clock.ts";
import { brokenDatabase, callThrough, replaced } from "./faults.ts";

afterEach(resetClock);

const DAY = 86_400_000;

/** What each audited call is sent, and what its entry names. A call that is not here and not among the others fails. */
interface Sent {
  method: string;
  path: string;
  body?: unknown;
  object: string | null;
}

let queue: string;
let key: string;
let keyId: string;
let namespace: string;

beforeAll(async () => {
  namespace = await makeNamespace(freshName("audited"));
  ({ key, id: keyId } = await makeKey(["admin"], namespace));
  queue = await newQueue({}, key);
});

/** A name and a canary: a text of the caller's own that may be in no entry. */
const CANARY = "canary-5f2c";
const cron = { cron: "0 0 1 1 *", job: { queue: "default", payload: CANARY } };
const target = { type: "http", url: `https://example.com/?token=${CANARY}`, headers: { "x-secret": CANARY } };
const subscription = { events: ["job.failed"], target: { type: "http", url: `https://example.com/${CANARY}` } };

const service = { instances: [{ url: `https://example.com/${CANARY}` }] };

async function failedJob(): Promise<string> {
  const own = await newQueue({}, key);
  const { id } = await submit({ queue: own, payload: CANARY, retry: { maxAttempts: 1 } }, { key });
  const { lease } = await claimOne(own, {}, key);
  await must("POST", `/v1/leases/${lease}/fail`, { key, body: { error: { code: "broken" } } });
  return id;
}

async function subscribed(): Promise<string> {
  const name = freshName("s");
  await must("PUT", `/v1/subscriptions/${name}`, { key, body: subscription });
  return name;
}

async function balanced(): Promise<string> {
  const name = freshName("s");
  await must("PUT", `/v1/services/${name}`, { key, body: service });
  return name;
}

async function scheduled(): Promise<string> {
  const name = freshName("s");
  await must("PUT", `/v1/schedules/${name}`, { key, body: cron });
  return name;
}

/** A call about something that has a name. */
const about = (path: string, name: string, [method, body]: [string, unknown?] = ["POST"]): Sent => ({
  method,
  path: path.replace("{}", name),
  ...(body === undefined ? {} : { body }),
  object: name,
});

const SENT: Partial<Record<CallName, () => Promise<Sent>>> = {
  retryJob: async () => about("/v1/jobs/{}/retry", await failedJob()),
  putQueue: async () => about("/v1/queues/{}", freshName("made"), ["PUT", { target }]),
  patchQueue: async () => about("/v1/queues/{}", queue, ["PATCH", { weight: 2 }]),
  deleteQueue: async () => about("/v1/queues/{}", await newQueue({}, key), ["DELETE"]),
  pauseQueue: async () => about("/v1/queues/{}/pause", queue),
  resumeQueue: async () => about("/v1/queues/{}/resume", queue),
  redriveQueue: async () => about("/v1/queues/{}/redrive", queue, ["POST", { dryRun: true, filter: { tag: CANARY } }]),
  purgeQueue: async () => about("/v1/queues/{}/purge", queue),
  unblockKey: async () => about("/v1/queues/{}/keys/unblock", queue, ["POST", { key: CANARY, action: "skip" }]),
  pauseKey: async () => about("/v1/queues/{}/keys/pause", queue, ["POST", { key: CANARY }]),
  resumeKey: async () => about("/v1/queues/{}/keys/resume", queue, ["POST", { key: CANARY }]),
  putSchedule: async () => about("/v1/schedules/{}", freshName("made"), ["PUT", cron]),
  patchSchedule: async () => about("/v1/schedules/{}", await scheduled(), ["PATCH", { paused: true }]),
  deleteSchedule: async () => about("/v1/schedules/{}", await scheduled(), ["DELETE"]),
  putSubscription: async () => about("/v1/subscriptions/{}", freshName("made"), ["PUT", subscription]),
  patchSubscription: async () => about("/v1/subscriptions/{}", await subscribed(), ["PATCH", { paused: true }]),
  deleteSubscription: async () => about("/v1/subscriptions/{}", await subscribed(), ["DELETE"]),
  putService: async () => about("/v1/services/{}", freshName("made"), ["PUT", service]),
  patchService: async () => about("/v1/services/{}", await balanced(), ["PATCH", { timeout: 5 }]),
  deleteService: async () => about("/v1/services/{}", await balanced(), ["DELETE"]),
  createKey: async () => ({
    method: "POST",
    path: "/v1/keys",
    body: { name: CANARY, scopes: ["read"] },
    object: "the id of what was made",
  }),
  revokeKey: async () => about("/v1/keys/{}", (await makeKey(["read"], namespace)).id, ["DELETE"]),
  getWebhookSecret: async () => ({ method: "GET", path: "/v1/webhook-secret", object: null }),
  rotateWebhookSecret: async () => ({ method: "POST", path: "/v1/webhook-secret/rotate", object: null }),
  startOperation: async () => ({
    method: "POST",
    path: "/v1/operations",
    body: { action: "retry", dryRun: true, filter: { tag: CANARY } },
    object: "the id of what was made",
  }),
};

const made = () => makeNamespace(freshName("ns"));

/** Calls of the root key; their entries are of no namespace. */
const OF_ROOT: Partial<Record<CallName, () => Promise<Sent>>> = {
  putNamespace: async () => about("/v1/namespaces/{}", freshName("ns"), ["PUT", {}]),
  patchNamespace: async () => about("/v1/namespaces/{}", await made(), ["PATCH", { limits: { keys: 5 } }]),
  deleteNamespace: async () => about("/v1/namespaces/{}", await made(), ["DELETE"]),
};

/** Calls that need `admin` or the root key, and leave no entry: they change nothing and tell no secret. */
const NOT_AUDITED: readonly CallName[] = [
  "listKeys",
  "getCluster",
  "audit",
  "listAuditLog",
  "listNamespaces",
  "getNamespace",
];

async function log(query = "", as = key): Promise<AuditLogEntryView[]> {
  return (await must<AuditLogView>("GET", `/v1/audit-log?limit=200${query}`, { key: as })).items;
}

describe("the audit log", () => {
  it("has a decision about every call that needs the scope admin or the root key", () => {
    const privileged = CALL_LIST.filter(({ scope }) => scope === "admin" || scope === "root").map(({ id }) => id);
    const decided = [...Object.keys(SENT), ...Object.keys(OF_ROOT), ...NOT_AUDITED];
    expect(decided.sort()).toEqual(privileged.sort());
    const audited = CALL_LIST.filter(isAudited).map(({ id }) => id);
    expect(audited.sort()).toEqual([...Object.keys(SENT), ...Object.keys(OF_ROOT)].sort());
  });

  it("has no name of what is not there: a whole key may stand in its place", async () => {
    for (const as of [key, ROOT]) {
      const answer = await call("DELETE", `/v1/keys/${as}`, { key });
      expect(answer.status).toBe(404);
      expect((await log())[0]).toMatchObject({ call: "revokeKey", object: null, status: 404 });
    }
    const { results } = await env.DB.prepare("SELECT * FROM audit_log").all();
    for (const secret of [key, ROOT]) expect(JSON.stringify(results)).not.toContain(secret);
  });

  it.each(Object.entries(SENT))(
    "has an entry of %s: who, when, what, from where, and what came of it",
    async (name, send) => {
      const { method, path, object, ...sent } = await send();
      const before = await log();
      const headers = { "cf-connecting-ip": "203.0.113.7" };
      const start = Date.now();
      const answer = await call<{ id?: string } | undefined>(method, path, { key, headers, ...sent });
      const [entry, ...rest] = await log();
      expect(rest).toEqual(before);
      const made = object === "the id of what was made" ? answer.body?.id : object;
      expect(entry).toEqual({
        id: expect.any(String),
        at: expect.any(String),
        keyId,
        namespace,
        call: name,
        object: made,
        address: "203.0.113.7",
        status: answer.status,
      });
      expect(answer.status === 409 || answer.status < 300).toBe(true);
      expect(Date.parse(entry?.at ?? "")).toBeGreaterThanOrEqual(start);
      const { results } = await env.DB.prepare("SELECT * FROM audit_log").all();
      for (const secret of [CANARY, key, ROOT, "whsec_"]) expect(JSON.stringify(results)).not.toContain(secret);
    },
  );

  it.each(Object.entries(OF_ROOT))("has an entry of %s that the root key alone is shown", async (name, send) => {
    const { method, path, object, ...sent } = await send();
    await must(method, path, sent);
    expect((await log("", ROOT))[0]).toMatchObject({
      call: name,
      object,
      namespace: null,
      keyId: "root",
      address: "local",
    });
    const { key: admin } = await makeKey(["admin"]);
    expect((await log("", admin)).map((entry) => entry.call)).not.toContain(name);
  });

  it("has none of calls that anybody with a lesser scope may make, and none of reads", async () => {
    const before = await log();
    const { id } = await submit({ queue }, { key });
    for (const path of ["/v1/jobs", `/v1/jobs/${id}`, "/v1/queues", "/v1/keys", "/v1/audit-log"]) {
      await must("GET", path, { key });
    }
    expect(await log()).toEqual(before);
  });

  it("has what was refused too, up to a hundred in ten seconds", async () => {
    const own = await makeNamespace(freshName("refused"));
    const admin = await makeKey(["admin"], own);
    stopClock();
    const purge = async () => (await call("POST", "/v1/queues/none/purge", { key: admin.key })).status;
    expect(new Set(await Promise.all(Array.from({ length: 110 }, purge)))).toEqual(new Set([404]));
    const entries = await log("", admin.key);
    expect(entries.filter(({ call: name }) => name === "purgeQueue")).toHaveLength(100);
    expect(entries[0]).toMatchObject({ call: "purgeQueue", object: null, status: 404 });
  });

  it("bears a name that is too long, and one that is no text", async () => {
    await call("POST", `/v1/queues/${"x".repeat(3000)}/pause`, { key });
    expect((await log())[0]).toMatchObject({ call: "pauseQueue", object: null, status: 404 });
    await call("POST", "/v1/queues/%ED%A0%80/pause", { key });
    expect((await log())[0]).toMatchObject({ call: "pauseQueue", status: 404 });
  });

  it("has what another Worker did by a binding, without an address", async () => {
    const props = { namespace, scopes: ["admin" as const] };
    const dure = new Dure(Object.assign(createExecutionContext(), { props }), env);
    const id = await failedJob();
    await dure.retry(id);
    expect((await log())[0]).toMatchObject({
      call: "retryJob",
      object: id,
      keyId: `binding:${namespace}`,
      address: null,
      status: 200,
    });
  });

  it("that cannot be written fails no call", async () => {
    const id = await failedJob();
    const before = await log();
    const fails = { withSession: () => replaced(env.DB.withSession(), { prepare: refusing(/audit_log/) }) };
    const answer = await callThrough({ ...env, DB: replaced(env.DB, fails) }, ["POST", `/v1/jobs/${id}/retry`], {
      key,
    });
    expect(answer).toMatchObject({ status: 200 });
    expect(await log()).toEqual(before);
  });
});

/** `prepare` of a database that takes no statement with these words. */
function refusing(words: RegExp) {
  const session = env.DB.withSession();
  return (query: string) => (words.test(query) ? brokenDatabase() : session).prepare(query);
}

describe("GET /v1/audit-log", () => {
  it("pages through, newest first, each entry once", async () => {
    const all = await log();
    const paged: AuditLogEntryView[] = [];
    let cursor = "";
    do {
      const page = await must<AuditLogView>("GET", `/v1/audit-log?limit=7${cursor}`, { key });
      paged.push(...page.items);
      cursor = page.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== "");
    expect(paged).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toSorted()
        .reverse(),
    );
  });

  it("tells of the key's own namespace alone, and the root key of one or all", async () => {
    const other = await makeNamespace(freshName("other"));
    const admin = await makeKey(["admin"], other);
    await must("POST", "/v1/queues/default/pause", { key: admin.key });
    expect((await log("", admin.key)).map(({ namespace: of }) => of)).toEqual([other, other]);
    expect(await log(`&namespace=${other}`, admin.key)).toEqual(await log("", admin.key));
    expect(await call("GET", `/v1/audit-log?namespace=${namespace}`, { key: admin.key })).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    expect(await log(`&namespace=${other}`, ROOT)).toEqual(await log("", admin.key));
    const spaces = new Set((await log("", ROOT)).map(({ namespace: of }) => of));
    for (const space of [namespace, other, null]) expect(spaces).toContain(space);
  });

  it("refuses the cursor of another namespace", async () => {
    const { nextCursor } = await must<AuditLogView>("GET", "/v1/audit-log?limit=1", { key });
    const { key: theirs } = await makeKey(["admin"]);
    const path = `/v1/audit-log?cursor=${encodeURIComponent(nextCursor ?? "")}`;
    expect(await call("GET", path, { key: theirs })).toMatchObject({ status: 400, body: { code: "invalid-request" } });
  });
});

describe("an entry", () => {
  const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

  async function entryOf(age: number): Promise<string> {
    const at = Date.now() - age;
    const id = makeKeyId(at, random);
    const insert = "INSERT INTO audit_log VALUES (?, ?, 'root', 'default', 'pauseQueue', 'q', NULL, 200)";
    await env.DB.prepare(insert).bind(id, at).run();
    return id;
  }

  it.each([
    ["changed", "UPDATE audit_log SET status = 200 WHERE id = ?"],
    ["deleted", "DELETE FROM audit_log WHERE id = ?"],
    ["replaced", "INSERT OR REPLACE INTO audit_log VALUES (?, 1, 'root', 'x', 'y', 'z', NULL, 200)"],
    [
      "replaced by an upsert",
      "INSERT INTO audit_log VALUES (?, 1, 'a', 'x', 'y', 'z', NULL, 1) ON CONFLICT DO UPDATE SET at = 1",
    ],
  ])("can not be %s", async (_, statement) => {
    const id = await entryOf(399 * DAY);
    const before = await env.DB.prepare("SELECT * FROM audit_log WHERE id = ?").bind(id).first();
    await expect(env.DB.prepare(statement).bind(id).run()).rejects.toThrow("the audit log");
    expect(await env.DB.prepare("SELECT * FROM audit_log WHERE id = ?").bind(id).first()).toEqual(before);
  });

  it("older than 401 days is deleted by the cron, the rest stays", async () => {
    const [old, young] = [await entryOf(402 * DAY), await entryOf(400.5 * DAY)];
    await runCron();
    const { results } = await env.DB.prepare("SELECT id FROM audit_log WHERE id < ?")
      .bind(firstIdAt(Date.now() - 390 * DAY))
      .all();
    const ids = results.map(({ id }) => id);
    expect(ids).toContain(young);
    expect(ids).not.toContain(old);
  });
});
