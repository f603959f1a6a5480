import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { KeyCreatedView, KeyListView, KeyView } from "../../contract/admin.ts";
import { sha256Hex } from "../../contract/hash.ts";
import { makeKeyId } from "../../workers/gateway/access/token.ts";
import { type CallOptions, call, freshName, makeKey, makeNamespace, must, ROOT, submit } from "./api.ts";
import { passTime, resetClock, runCron, stopClock } from "./clock.ts";
import { brokenDatabase, callThrough, replaced } from "./faults.ts";

afterEach(resetClock);

const HOUR = 3_600_000;

function make(body: Record<string, unknown>, key: string = ROOT) {
  return call<KeyCreatedView & { code: string; errors: unknown }>("POST", "/v1/keys", {
    key,
    body: { name: "made", scopes: ["read"], ...body },
  });
}

const inHours = (n: number) => new Date(Date.now() + n * HOUR).toISOString();

/** An isolate of its own, whose D1 and Directory can be taken away. */
function isolate() {
  const state = { database: true, directory: true, queries: 0 };
  const database = replaced(env.DB, {
    withSession: (...args: [string]) => {
      state.queries++;
      return (state.database ? env.DB : brokenDatabase()).withSession(...args);
    },
  });
  const directory = replaced(env.DIRECTORY, {
    getByName: (name: string) => {
      if (!state.directory) throw new Error("the Directory is away");
      return env.DIRECTORY.getByName(name);
    },
  });
  const bindings = { ...env, DB: database, DIRECTORY: directory };
  const ask = async (key: string) => (await callThrough(bindings, ["POST", "/v1/jobs"], { key, body: JOB })).status;
  return { bindings, state, ask };
}

const JOB = { payload: 1 };

/** What is kept of a key. */
function rowOf(id: string) {
  return env.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(id).first();
}

describe("a key gives no more than it has", () => {
  it("no scope: metrics is not among those of admin", async () => {
    const { key } = await makeKey(["admin"]);
    expect(await make({ scopes: ["read", "metrics"] }, key)).toMatchObject({
      status: 403,
      body: { code: "forbidden", detail: 'The key has no scope "metrics" to give.' },
    });
    const both = await makeKey(["admin", "metrics"]);
    expect((await make({ scopes: ["metrics"] }, both.key)).status).toBe(201);
  });

  it("no time: a later end is refused, and no end is its own end", async () => {
    const expiresAt = inHours(2);
    const parent = await must<KeyCreatedView>("POST", "/v1/keys", {
      body: { name: "p", scopes: ["admin"], expiresAt },
    });
    expect(await make({ expiresAt: inHours(3) }, parent.key)).toMatchObject({
      status: 422,
      body: { code: "beyond-own-key", errors: [{ pointer: "/expiresAt", detail: expect.stringContaining(expiresAt) }] },
    });
    const sooner = inHours(1);
    expect(await make({ expiresAt: sooner }, parent.key)).toMatchObject({ status: 201, body: { expiresAt: sooner } });
    expect(await make({ expiresAt }, parent.key)).toMatchObject({ status: 201, body: { expiresAt } });
    expect(await make({}, parent.key)).toMatchObject({ status: 201, body: { expiresAt, parent: parent.id } });
  });

  it("and stands at most 17 keys deep", async () => {
    let { key } = await makeKey(["admin"]);
    for (let depth = 1; depth <= 16; depth++) {
      const child = await make({ scopes: ["admin"] }, key);
      expect(child.status).toBe(201);
      key = child.body.key;
    }
    expect(await make({}, key)).toMatchObject({ status: 422, body: { code: "beyond-own-key" } });
  });
});

describe("the name of a key", () => {
  it.each(["CI of the shop", "ключ № 1", "🔑".repeat(64), " ", "a".repeat(64)])("may be %j", async (name) => {
    expect(await make({ name })).toMatchObject({ status: 201, body: { name } });
  });

  it.each(["", "🔑".repeat(65), "a".repeat(65), "two\nlines", "nul\0", "del\u007f", "\ud83d", 7])(
    "may not be %j",
    async (name) => {
      const detail = "name is a text of 1 to 64 characters without control characters and lone surrogates.";
      expect(await make({ name })).toMatchObject({ status: 400, body: { errors: [{ pointer: "/name", detail }] } });
    },
  );
});

describe("a key that is revoked", () => {
  it("takes with it what it made, and what those made, and no other", async () => {
    const top = await makeKey(["admin"]);
    const { body: child } = await make({ scopes: ["admin"] }, top.key);
    const { body: grandchild } = await make({}, child.key);
    const { body: sibling } = await make({});
    for (const { key } of [child, grandchild]) expect((await call("GET", "/v1/queues", { key })).status).not.toBe(401);
    expect((await call("DELETE", `/v1/keys/${top.id}`)).status).toBe(204);
    for (const { key } of [top, child, grandchild]) {
      expect((await call("GET", "/v1/queues", { key })).status).toBe(401);
    }
    expect((await call("GET", "/v1/queues", { key: sibling.key })).status).toBe(200);
    const { items } = await must<KeyListView>("GET", "/v1/keys?limit=200");
    const listed = items.map(({ id }) => id);
    expect(listed).toContain(sibling.id);
    for (const { id } of [top, child, grandchild]) expect(listed).not.toContain(id);
  });

  it("makes no key any more, also where it is still believed", async () => {
    const { id, key } = await makeKey(["admin"]);
    const { bindings, ask } = isolate();
    expect(await ask(key)).toBe(202);
    await must("DELETE", `/v1/keys/${id}`);
    const body = { name: "orphan", scopes: ["read"] };
    const late = await callThrough(bindings, ["POST", "/v1/keys"], { key, body });
    expect(late).toMatchObject({ status: 401, body: { code: "unauthorized" } });
    const { results } = await env.DB.prepare("SELECT id FROM api_keys WHERE parent = ?").bind(id).all();
    expect(results).toEqual([]);
  });

  it("is refused within five seconds where D1 does not answer, and what it made too", async () => {
    const { id, key } = await makeKey(["admin"]);
    const { body: child } = await make({ scopes: ["submit"] }, key);
    const { body: other } = await make({ scopes: ["submit"] });
    const { state, ask } = isolate();
    for (const one of [key, child.key, other.key]) expect(await ask(one)).toBe(202);
    state.database = false;
    await must("DELETE", `/v1/keys/${id}`);
    passTime(5000);
    expect(await Promise.all([key, child.key, other.key].map(ask))).toEqual([401, 401, 202]);
  });

  it("is believed for a minute where neither D1 nor the Directory answers", async () => {
    const { id, key } = await makeKey(["submit"]);
    const { state, ask } = isolate();
    expect(await ask(key)).toBe(202);
    state.database = false;
    state.directory = false;
    await must("DELETE", `/v1/keys/${id}`);
    passTime(50_000);
    expect(await ask(key)).toBe(202);
    passTime(10_000);
    expect(await ask(key)).toBe(503);
  });

  it("while D1 does not answer: the call is to be sent again, the key is refused, and D1 hears of it from the cron", async () => {
    const { id, key } = await makeKey(["submit"]);
    const [here, there] = [isolate(), isolate()];
    expect(await there.ask(key)).toBe(202);
    here.state.database = false;
    there.state.database = false;
    const answer = await callThrough(here.bindings, ["DELETE", `/v1/keys/${id}`]);
    expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringContaining("send this call again") } });
    passTime(5000);
    expect(await there.ask(key)).toBe(401);
    expect(await rowOf(id)).toMatchObject({ revoked_at: null });
    await runCron();
    expect(await rowOf(id)).toMatchObject({ revoked_at: expect.any(Number) });
    expect((await call("DELETE", `/v1/keys/${id}`)).status).toBe(404);
  });

  it("of another namespace is not refused there, whoever names it while D1 does not answer", async () => {
    const theirs = await makeKey(["work"], await makeNamespace(freshName("theirs")));
    const { key } = await makeKey(["admin"]);
    const { bindings, state } = isolate();
    const extend = async (as: string) =>
      (await callThrough(bindings, ["POST", "/v1/leases/none/extend"], { key: as })).status;
    for (const one of [theirs.key, key]) expect(await extend(one)).toBe(404);
    state.database = false;
    expect((await callThrough(bindings, ["DELETE", `/v1/keys/${theirs.id}`], { key })).status).toBe(503);
    passTime(5000);
    expect(await extend(theirs.key)).toBe(404);
    await runCron();
    expect(await rowOf(theirs.id)).toMatchObject({ revoked_at: null });
  });
});

describe("when a key was last used", () => {
  const shown = async (id: string) => {
    const { items } = await must<KeyListView>("GET", "/v1/keys?limit=200");
    return (items.find((item) => item.id === id) as KeyView).lastUsedAt;
  };
  const hourOf = (at: number) => new Date(Math.floor(at / HOUR) * HOUR).toISOString();

  it("is told to the hour, and written once an hour and isolate", async () => {
    const { id, key } = await makeKey(["submit"]);
    const { bindings, state } = isolate();
    const use = (options: CallOptions = {}) =>
      callThrough(bindings, ["POST", "/v1/jobs"], { key, body: JOB, ...options });
    expect(await shown(id)).toBeNull();
    await use();
    expect(await shown(id)).toBe(hourOf(Date.now()));
    state.queries = 0;
    await use();
    expect(state.queries).toBe(0);
    passTime(HOUR);
    await use();
    expect(await shown(id)).toBe(hourOf(Date.now()));
  });

  it("fails no request where it cannot be written", async () => {
    const { id, key } = await makeKey(["submit"]);
    const { state, ask } = isolate();
    passTime(HOUR - (Date.now() % HOUR) - 1000);
    expect(await ask(key)).toBe(202);
    const before = await shown(id);
    state.database = false;
    state.queries = 0;
    passTime(2000);
    expect(await ask(key)).toBe(202);
    expect(state.queries).toBe(1);
    expect(await shown(id)).toBe(before);
  });
});

describe("bad keys", () => {
  const bareToken = (i: number) => `dure_${"g".repeat(20)}_${String(i).padStart(43, "0")}`;

  it("of which the seal is wrong cost D1 nothing, those without a seal a hundred look-ups an address and minute", async () => {
    const { bindings, state } = isolate();
    const send = async (key: string, address: string) => {
      const headers = { "cf-connecting-ip": address };
      return (await callThrough(bindings, ["GET", "/v1/jobs"], { key, headers })).status;
    };
    const { key } = await makeKey(["read"]);
    for (let i = 0; i < 10; i++) {
      const forged = `${key.slice(0, -4)}${i.toString(16).padStart(4, "e")}`;
      expect(await send(forged, "2001:db8:1::1")).toBe(401);
    }
    expect(state.queries).toBe(0);
    stopClock();
    const told = await Promise.all(Array.from({ length: 130 }, (_, i) => send(bareToken(i), `2001:db8:2:0:${i}::`)));
    expect(told.sort()).toEqual([...Array(100).fill(401), ...Array(30).fill(429)]);
    expect(state.queries).toBe(100);
  });

  it("keys of before the seal go on working", async () => {
    const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
    const id = makeKeyId(Date.now(), random);
    const token = `dure_${id}_${"Az09".repeat(11).slice(0, 43)}`;
    const insert =
      "INSERT INTO api_keys (id, namespace, name, hash, scopes, created_at) VALUES (?, 'default', 'old', ?, ?, 1)";
    await env.DB.prepare(insert)
      .bind(id, await sha256Hex(token), '["submit"]')
      .run();
    expect((await submit({}, { key: token })).namespace).toBe("default");
    expect((await call("GET", "/v1/jobs", { key: `${token.slice(0, -1)}x` })).status).toBe(401);
    await must("DELETE", `/v1/keys/${id}`);
    expect((await call("POST", "/v1/jobs", { key: token, body: JOB })).status).toBe(401);
  });

  it("a key goes on working under another root key, by which its seal is another", async () => {
    const { key } = await makeKey(["submit"]);
    const rotated = {
      ...env,
      DURE_ROOT_KEY: "dure_root_of-the-rotation-0123456789abcdefghijkl",
      DURE_ROOT_KEY_PREVIOUS: ROOT,
    };
    expect((await callThrough(rotated, ["POST", "/v1/jobs"], { key, body: JOB })).status).toBe(202);
    for (const root of [ROOT, rotated.DURE_ROOT_KEY]) {
      expect((await callThrough(rotated, ["GET", "/v1/cluster"], { key: root })).status).toBe(200);
    }
    const over = { ...rotated, DURE_ROOT_KEY_PREVIOUS: "" };
    expect((await callThrough(over, ["GET", "/v1/cluster"], { key: ROOT })).status).toBe(401);
  });
});

describe("a root key that could be guessed", () => {
  it.each([
    ["DURE_ROOT_KEY", "a"],
    ["DURE_ROOT_KEY", `dure_root_${"a".repeat(40)}`],
    ["DURE_ROOT_KEY_PREVIOUS", "dure_root_short"],
  ])("%s=%s: every request is a 503 that says how to make one", async (name, value) => {
    const bindings = { ...env, [name]: value };
    for (const path of ["/healthz", "/metrics", "/openapi.json", "/v1/jobs", "/v1/nothing", "/nothing", "/"]) {
      for (const key of [ROOT, value, null]) {
        const answer = await callThrough<{ detail: string }>(bindings, ["GET", path], { key });
        expect([path, answer.status]).toEqual([path, 503]);
        expect(answer.headers.get("content-type")).toBe("application/problem+json");
        expect(answer.body.detail).toMatch(new RegExp(`^${name} .+ Make one with: echo "dure_root_`));
        if (value.length > 10) expect(answer.body.detail).not.toContain(value);
      }
    }
  });
});

describe("what tells of all namespaces", () => {
  it.each(["/v1/cluster", "/v1/audit"])("%s is the root key's alone", async (path) => {
    const all = await makeKey(["submit", "read", "work", "admin", "metrics"]);
    expect(await call("GET", path, { key: all.key })).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await call("GET", path, { key: null })).status).toBe(401);
    expect((await call("GET", path)).status).toBe(200);
  });

  it("/metrics needs a key with its scope, unless METRICS is public", async () => {
    const ask = async (bindings: Env, key: string | null) =>
      (await callThrough(bindings, ["GET", "/metrics"], { key })).status;
    const [admin, metrics] = [await makeKey(["admin"]), await makeKey(["metrics"])];
    const asked = (bindings: Env) => Promise.all([null, admin.key, metrics.key, ROOT].map((key) => ask(bindings, key)));
    expect(await asked({ ...env })).toEqual([401, 403, 200, 200]);
    expect(await asked(Object.assign({ ...env }, { METRICS: "public" }))).toEqual([200, 200, 200, 200]);
    expect((await call("GET", "/v1/jobs", { key: metrics.key })).status).toBe(403);
  });
});
