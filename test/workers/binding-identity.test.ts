import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { DureBinding, DureProps } from "../../contract/binding.ts";
import { Dure } from "../limits/gateway.ts";
import { call, freshName, getJob, makeKey, makeNamespace, newQueue, ROOT, submit } from "./api.ts";
import { bound, thrownBy } from "./binding.ts";

let key: string;
let team: string;
let teamJob: string;

/** One call that needs the scope. Its arguments are such that a caller with the scope gets a 404. */
const CALLS: Record<"submit" | "read" | "work" | "admin", ((dure: DureBinding) => Promise<unknown>)[]> = {
  submit: [
    (dure) => dure.submit({ queue: "nowhere", payload: 1 }),
    (dure) => dure.submitBatch({ atomic: true, jobs: [{ queue: "nowhere", payload: 1 }] }),
    (dure) => dure.cancel("none"),
  ],
  read: [(dure) => dure.get("none"), (dure) => dure.wait("none"), (dure) => dure.explain("none")],
  work: [
    (dure) => dure.claim("nowhere"),
    (dure) => dure.report([], { claim: { queue: "nowhere" } }),
    (dure) => dure.extend("none"),
  ],
  admin: [(dure) => dure.retry("none")],
};

beforeAll(async () => {
  team = await makeNamespace(freshName("team"));
  key = (await makeKey(["submit", "read"], team)).key;
  teamJob = (await submit({}, { key })).id;
});

describe("who calls the binding", () => {
  it.each(["submit", "read", "work"] as const)(
    "props with the scope %s alone allow its calls and no others",
    async (scope) => {
      const dure = bound({ namespace: team, scopes: [scope] });
      for (const [needed, calls] of Object.entries(CALLS)) {
        for (const make of calls) {
          const error = await thrownBy(() => make(dure));
          if (needed === scope) expect(error.code, String(make)).not.toBe("forbidden");
          else expect(error, String(make)).toMatchObject({ code: "forbidden", status: 403 });
        }
      }
    },
  );

  it("the scope admin allows all of them", async () => {
    const dure = bound({ namespace: team, scopes: ["admin"] });
    for (const make of Object.values(CALLS).flat()) {
      expect((await thrownBy(() => make(dure))).code, String(make)).not.toBe("forbidden");
    }
  });

  it("props name a namespace, and see nothing of another", async () => {
    const { meta, payloadText, ...view } = await bound({ namespace: team, scopes: ["read"] }).get(teamJob);
    expect(payloadText).toBe("null");
    expect(view).toEqual(await getJob(teamJob, { key }));
    const error = await thrownBy(() => bound({ namespace: "default", scopes: ["read"] }).get(teamJob));
    expect(error.code).toBe("job-not-found");
  });

  it("props may hold a key, and what it may do is what they may do", async () => {
    expect((await bound({ key }).get(teamJob)).namespace).toBe(team);
    expect((await thrownBy(() => bound({ key }).claim("default"))).code).toBe("forbidden");
  });

  it("the key of a call stands above the props", async () => {
    const dure = bound({ namespace: "default", scopes: ["work"] });
    expect((await dure.get(teamJob, { key })).id).toBe(teamJob);
    expect((await thrownBy(() => dure.get(teamJob))).code).toBe("forbidden");
    expect((await bound(undefined).get(teamJob, { key })).id).toBe(teamJob);
    // Also when it is worth less than they are.
    expect((await thrownBy(() => dure.claim("default", {}, { key }))).code).toBe("forbidden");
    expect((await thrownBy(() => dure.claim("default", {}, { key: "" }))).code).toBe("unauthorized");
  });

  it.each([
    ["no props", undefined],
    ["empty props", {}],
    ["an unknown scope", { namespace: "default", scopes: ["root"] }],
    ["no scopes", { namespace: "default", scopes: [] }],
    ["a namespace that is no name", { namespace: "No Name", scopes: ["read"] }],
    ["a field that is unknown", { namespace: "default", scopes: ["read"], root: true }],
    ["a key and a namespace", { key: ROOT, namespace: "default", scopes: ["read"] }],
    ["a key that is unknown", { key: `dure_unknown_${"x".repeat(43)}` }],
    ["a key that no header could hold", { key: `${ROOT}\r\nDure-Namespace: x` }],
    ["a key that is no text", { key: 7 }],
  ])("%s: unauthorized", async (_, props) => {
    const error = await thrownBy(() => bound(props).get(teamJob));
    expect(error).toMatchObject({ code: "unauthorized", status: 401, title: expect.any(String) });
  });

  it("a namespace that does not exist is refused", async () => {
    const error = await thrownBy(() => bound({ namespace: "nobody", scopes: ["read"] }).get(teamJob));
    expect(error).toMatchObject({ code: "namespace-not-found", status: 404 });
  });

  it("no request from outside passes for one of the binding's", async () => {
    for (const header of ["x-caller", "caller", "vouched", "dure-binding"]) {
      const headers = {
        [header]: JSON.stringify({ keyId: "binding:default", namespace: "default", scopes: ["read"] }),
      };
      expect((await call("GET", `/v1/jobs/${teamJob}`, { key: null, headers })).status).toBe(401);
    }
  });

  it("the first call of an isolate, and a call beside it, are each made as their own caller", async () => {
    const mine = bound({ namespace: team, scopes: ["read"] });
    const theirs = bound({ namespace: "default", scopes: ["read"] });
    const results = await Promise.allSettled([mine, theirs, mine, theirs].map((dure) => dure.get(teamJob)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  });
});

describe("what a call is given", () => {
  const dure = bound({ key: ROOT });

  it.each([
    ["a date", { at: new Date(0) }, "/payload/at"],
    ["a map in a list", [1, new Map([[1, 2]])], "/payload/1"],
    ["a number that is none", { "a/b": { "~": Number.NaN } }, "/payload/a~1b/~0"],
    ["bytes", new Uint8Array(3), "/payload"],
    ["a bigint", 1n, "/payload"],
    ["a hole in a list", [undefined], "/payload/0"],
  ])("%s is no JSON value: refused, and said where", async (_, payload, pointer) => {
    const error = await thrownBy(() => dure.submit({ payload }));
    expect(error).toMatchObject({
      code: "invalid-request",
      errors: [{ pointer, detail: expect.stringMatching(/ is not a JSON value\.$/) }],
    });
  });

  it("a cycle, or a nesting without end, is refused", async () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect((await thrownBy(() => dure.submit({ payload: cycle }))).code).toBe("invalid-request");
  });

  it.each([null, true, -0.5, "", "\u{1f600} \ud800", [], {}, [[[{ "": null }]]]])(
    "any JSON value is a payload, and comes back: %j",
    async (payload) => {
      const { id } = await dure.submit({ queue: await newQueue(), payload });
      expect((await dure.get(id)).payload).toEqual(JSON.parse(JSON.stringify(payload)));
    },
  );

  it("a field that is undefined counts as left out", async () => {
    const queue = await newQueue();
    const job = await dure.submit({ queue, payload: { a: undefined, b: 1 }, tags: undefined } as never, undefined);
    expect(job).toMatchObject({ payload: { b: 1 }, tags: [] });
  });

  it.each([{ waitSeconds: 61 }, { waitSeconds: -1 }, { waitSeconds: "1" }, { wait: 1 }, { key: 1 }, "no"])(
    "options that are none are refused: %j",
    async (options) => {
      const error = await thrownBy(() => dure.submit({ payload: 1 }, options as never));
      expect(error).toMatchObject({ code: "invalid-request", status: 400 });
    },
  );

  it.each(["", " k", "k\r\nDure-Namespace: x", "키", "k".repeat(5000)])(
    "a key or a bookmark that no header could hold is refused: %j",
    async (text) => {
      const batch = () => dure.submitBatch({ jobs: [{ payload: 1 }] }, { idempotencyKey: text });
      expect(await thrownBy(batch)).toMatchObject({
        code: "invalid-request",
        errors: [{ pointer: "/idempotencyKey" }],
      });
      const read = () => dure.get(teamJob, { bookmark: text });
      expect(await thrownBy(read)).toMatchObject({ code: "invalid-request", errors: [{ pointer: "/bookmark" }] });
    },
  );

  it.each(["", ".", "..", "/", "%2e", "?x", "#x", "\ud800", null, {}])(
    "a name that would lead elsewhere in the API leads nowhere: %j",
    async (name) => {
      const text = name as string;
      expect((await thrownBy(() => dure.get(text))).code).toBe("job-not-found");
      expect((await thrownBy(() => dure.cancel(text))).code).toBe("job-not-found");
      expect((await thrownBy(() => dure.explain(text))).code).toBe("job-not-found");
      expect((await thrownBy(() => dure.claim(text))).code).toBe("queue-not-found");
      expect((await thrownBy(() => dure.extend(text))).code).toBe("lease-not-found");
    },
  );
});

it("a binding has a budget like a key's: by its namespace, and beside those of keys", async () => {
  const small = { ...env, RATE_LIMIT: "5" };
  const of = (props: DureProps) => new Dure(Object.assign(createExecutionContext(), { props }), small);
  const ask = (props: DureProps) => thrownBy(() => of(props).get("none"));
  const props: DureProps = { namespace: await makeNamespace(freshName("busy")), scopes: ["read"] };
  let last = await ask(props);
  let calls = 1;
  // One comes back every two seconds meanwhile.
  for (; last.code !== "rate-limited" && calls < 20; calls++) last = await ask(props);
  expect(calls).toBeGreaterThan(5);
  expect(last).toMatchObject({ code: "rate-limited", status: 429, retryAfter: expect.any(Number) });
  expect((await ask({ namespace: team, scopes: ["read"] })).code).toBe("job-not-found");
});
