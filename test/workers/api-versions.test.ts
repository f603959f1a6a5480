import { describe, expect, it } from "vitest";
import { call, freshName, must, newQueue } from "./api.ts";

/** What queues, schedules, subscriptions and services have in common: versions, conditional changes, patches. */

interface Shown {
  version: number;
  paused: boolean;
  [member: string]: unknown;
}

interface Resource {
  path: string;
  /** What a PUT takes, and what it changes to. */
  body: Record<string, unknown>;
  other: Record<string, unknown>;
}

const KINDS: [string, () => Promise<Resource>][] = [
  [
    "queue",
    async () => ({ path: `/v1/queues/${freshName()}`, body: { timeout: 5, lane: "slow" }, other: { timeout: 6 } }),
  ],
  [
    "schedule",
    async () => ({
      path: `/v1/schedules/${freshName("s")}`,
      body: { cron: "0 0 1 1 *", jitter: 5, job: { queue: await newQueue(), payload: 1, tags: ["a"] } },
      other: { jitter: 6 },
    }),
  ],
  [
    "subscription",
    async () => ({
      path: `/v1/subscriptions/${freshName("sub")}`,
      body: { events: ["job.failed"], filter: { queue: "emails" }, target: { type: "queue", binding: "OUT" } },
      other: { events: ["job.succeeded"] },
    }),
  ],
  [
    "service",
    async () => ({
      path: `/v1/services/${freshName("svc")}`,
      body: { instances: [{ url: "https://mail-1.example.com", weight: 2, zone: "a" }], timeout: 5 },
      other: { timeout: 6 },
    }),
  ],
];

/** Those of them that can be paused. */
const PAUSABLE = KINDS.filter(([what]) => what !== "service");

describe.each(KINDS)("a %s", (what, fresh) => {
  async function made(): Promise<Resource> {
    const resource = await fresh();
    await must("PUT", resource.path, { body: resource.body });
    return resource;
  }

  const shown = (path: string) => must<Shown>("GET", path);

  function change(method: string, path: string, ifMatch: string | null, body?: unknown) {
    const headers: Record<string, string> = ifMatch === null ? {} : { "if-match": ifMatch };
    return call<Shown & { code: string; detail: string; errors: { pointer: string; detail: string }[] }>(method, path, {
      headers,
      ...(body === undefined ? {} : { body }),
    });
  }

  it("carries its version as an entity tag, wherever it is answered", async () => {
    const { path, body, other } = await fresh();
    expect((await change("PUT", path, null, body)).headers.get("etag")).toBe('"1"');
    expect((await change("PUT", path, null, body)).headers.get("etag")).toBe('"2"');
    expect((await change("PATCH", path, null, other)).headers.get("etag")).toBe('"3"');
    expect((await change("GET", path, null)).headers.get("etag")).toBe('"3"');
  });

  it.each(["PUT", "PATCH"])("of two writers who saw the same version, one wins: %s", async (method) => {
    const { path, body, other } = await made();
    const written = method === "PUT" ? { ...body, ...other } : other;
    const answers = await Promise.all([1, 2].map(() => change(method, path, '"1"', written)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(answers.find(({ status }) => status === 412)?.body).toMatchObject({
      code: "version-mismatch",
      detail: expect.stringContaining("version 2"),
    });
    expect((await shown(path)).version).toBe(2);
  });

  it.each<[string, number]>([
    ['"1"', 200],
    ['"7", "1"', 200],
    ["*", 200],
    ['"2"', 412],
    ['W/"1"', 412],
    ['""', 412],
    ["1", 400],
    ['"1', 400],
    ['"1" "2"', 400],
    ['w/"1"', 400],
  ])("is changed by If-Match %s with %i", async (ifMatch, status) => {
    const { path, body, other } = await made();
    expect((await change("PATCH", path, ifMatch, other)).status).toBe(status);
    if (status === 200) return;
    expect((await change("PUT", path, ifMatch, body)).status).toBe(status);
    expect((await change("DELETE", path, ifMatch)).status).toBe(status);
    expect(await shown(path)).toMatchObject({ ...body, version: 1 });
  });

  it("that does not exist matches nothing, and is not made by a patch", async () => {
    const { path, body, other } = await fresh();
    for (const ifMatch of ["*", '"0"', '"1"']) {
      expect(await change("PUT", path, ifMatch, body)).toMatchObject({
        status: 412,
        body: { code: "version-mismatch" },
      });
      expect(await change("PATCH", path, ifMatch, other)).toMatchObject({
        status: 404,
        body: { code: `${what}-not-found` },
      });
      expect((await change("DELETE", path, ifMatch)).status).toBe(404);
    }
    expect((await change("PATCH", path, null, other)).status).toBe(404);
    expect((await change("PATCH", `${path}%20X`, null, other)).status).toBe(404);
    expect((await change("GET", path, null)).status).toBe(404);
  });

  it("that was deleted meanwhile is gone for whoever saw it", async () => {
    const { path, body, other } = await made();
    expect((await change("DELETE", path, '"1"')).status).toBe(204);
    expect((await change("PATCH", path, '"1"', other)).status).toBe(404);
    expect((await change("PUT", path, '"1"', body)).status).toBe(412);
    expect((await change("PUT", path, '"2"', body)).status).toBe(412);
    expect(await change("PUT", path, null, body)).toMatchObject({ status: 201, body: { version: 3 } });
  });

  it("is patched in what is named, and nothing else", async () => {
    const { path, body, other } = await made();
    const before = await shown(path);
    const patched = await change("PATCH", path, null, other);
    const { version, updatedAt, ...rest } = { ...before, ...other };
    expect(patched).toMatchObject({ status: 200, body: { ...rest, version: Number(version) + 1 } });
    expect(Object.keys(body).every((name) => name in patched.body)).toBe(true);
    expect(updatedAt).toBeDefined();
    expect(await shown(path)).toEqual(patched.body);
  });

  it("takes a patch as application/merge-patch+json, and nothing that is not JSON", async () => {
    const { path, other } = await made();
    const patch = (type: string) =>
      call("PATCH", path, { text: JSON.stringify(other), headers: { "content-type": type } });
    expect((await patch("application/merge-patch+json")).status).toBe(200);
    expect((await patch("text/plain")).status).toBe(415);
  });

  it.each<[string, unknown, string]>([
    ["a field that is none", { color: "red" }, "/color"],
    ["a field that is none, taken away", { color: null }, "/color"],
    ["what is no object", ["paused"], ""],
  ])("is not patched with %s, and the place is named", async (_, patch, pointer) => {
    const { path } = await made();
    const refused = await change("PATCH", path, null, patch);
    expect(refused).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [{ pointer }] } });
    expect((await shown(path)).version).toBe(1);
  });

  it.each(["", " \n", '{"timeout":', '{"timeout":5,}'])(
    "is not changed by the text %j, and the place is named",
    async (text) => {
      const { path } = await made();
      for (const method of ["PUT", "PATCH"]) {
        const { status, body } = await call(method, path, { text });
        expect([status, body.code, body.errors]).toEqual([
          400,
          "invalid-request",
          [{ pointer: "", detail: body.detail }],
        ]);
      }
      expect((await shown(path)).version).toBe(1);
    },
  );

  it("is patched by admins alone", async () => {
    const { path, other } = await made();
    const { key } = await must<{ key: string }>("POST", "/v1/keys", { body: { name: "r", scopes: ["read"] } });
    expect((await call("PATCH", path, { body: other, key })).status).toBe(403);
  });
});

describe.each(PAUSABLE)("a %s that can be paused", (_, fresh) => {
  async function made(): Promise<Resource> {
    const resource = await fresh();
    await must("PUT", resource.path, { body: resource.body });
    return resource;
  }

  it("is not patched with a value of another type, and the place is named", async () => {
    const { path } = await made();
    const refused = await call("PATCH", path, { body: { paused: "yes" } });
    expect(refused).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [{ pointer: "/paused" }] } });
    expect((await must<Shown>("GET", path)).version).toBe(1);
  });

  it("stays paused when a PUT does not say otherwise", async () => {
    const { path, body } = await made();
    await must("PATCH", path, { body: { paused: true } });
    expect(await must("PUT", path, { body })).toMatchObject({ paused: true });
    expect(await must("PUT", path, { body: { ...body, paused: false } })).toMatchObject({ paused: false });
    await must("PATCH", path, { body: { paused: true } });
    expect(await must("PATCH", path, { body: { paused: null } })).toMatchObject({ paused: false });
  });

  it("made again under its name is not paused because the one before was", async () => {
    const { path, body } = await made();
    await must("PATCH", path, { body: { paused: true } });
    await must("DELETE", path);
    expect(await must("PUT", path, { body })).toMatchObject({ paused: false });
  });
});

it("twenty patches of different members at once all land", async () => {
  const queue = await newQueue();
  const members: [string, unknown][] = [
    ["timeout", 7],
    ["weight", 3],
    ["maxBacklog", 100_000],
    ["lane", "bulk"],
    ["onFailure", "block"],
    ["retention", 3600],
    ["idempotencyWindow", 60],
    ["priorityAging", 30],
    ["perKeyConcurrency", 4],
    ["perKeyRate", { limit: 9, period: 2 }],
    ["concurrency", 500],
    ["rate", { limit: 600, period: 1 }],
    ["consistency", "available"],
    ["paused", true],
  ];
  const retry = { maxAttempts: 9, backoff: "linear", delay: 2, maxDelay: 20, jitter: "none" };
  const patches = [
    ...members.map(([name, value]) => ({ [name]: value })),
    ...Object.entries(retry).map(([name, value]) => ({ retry: { [name]: value } })),
    { target: { type: "consumer" } },
  ];
  expect(patches).toHaveLength(20);
  const answers = await Promise.all(patches.map((body) => call("PATCH", `/v1/queues/${queue}`, { body })));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(await must("GET", `/v1/queues/${queue}`)).toMatchObject({
    ...Object.fromEntries(members),
    retry,
    target: { type: "consumer" },
    version: 21,
  });
});

describe("members that are missing in a part of a patch", () => {
  it.each([
    ["queue", { rate: {} }, ["/rate/limit", "/rate/period"]],
    ["queue", { rate: { limit: null } }, ["/rate/limit", "/rate/period"]],
    ["queue", { target: { type: "service" } }, ["/target/service", "/target/path"]],
    ["service", { healthCheck: { path: "/", expect: {} } }, ["/healthCheck/expect/from", "/healthCheck/expect/to"]],
    ["subscription", { target: { type: "http" } }, ["/target/url"]],
  ] as [string, object, string[]][])("of a %s %j are each pointed to", async (kind, patch, pointers) => {
    const resource = await KINDS.find(([what]) => what === kind)?.[1]();
    const { path = "", body } = resource ?? {};
    await must("PUT", path, { body });
    const refused = await call("PATCH", path, { body: patch });
    expect(refused.status).toBe(400);
    expect(refused.body.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

it("a queue that has not changed is not sent again", async () => {
  const queue = await newQueue();
  const read = (seen: string) => call("GET", `/v1/queues/${queue}`, { headers: { "if-none-match": seen } });
  expect(await read('"1"')).toMatchObject({ status: 304, body: undefined });
  await must("POST", `/v1/queues/${queue}/pause`);
  expect((await read('"1"')).status).toBe(200);
  expect((await read('"2"')).headers.get("etag")).toBe('"2"');
});
