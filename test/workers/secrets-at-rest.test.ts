import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { WebhookSecretView } from "../../contract/admin.ts";
import type { QueueView } from "../../contract/queue.ts";
import type { SubscriptionView } from "../../contract/subscription.ts";
import { OTHER_MASTER_KEY } from "../rigs/master-key.ts";
import {
  type Answer,
  call,
  evict,
  freshName,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  type Problem,
  putQueue,
  ROOT,
  submit,
} from "./api.ts";
import { passTime, resetClock, runCron } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { PROCESSOR_ENV, work } from "./processor.ts";
import { everythingStored } from "./stored.ts";
import { secrets, tell } from "./subscriber.ts";

/** Headers and URL tokens of targets are written and never read; nothing that is stored or answered has them in clear. */

afterEach(resetClock);

const CANARY = "c4nary";
const URL_SHOWN = "https://a.example/hook?token=***&plain=";
const TARGET = {
  type: "http",
  url: `https://a.example/hook?token=${CANARY}-url&plain=`,
  headers: { "X-Token": `${CANARY}-header`, "x-other": `${CANARY}-other` },
} as const;
const SHOWN = { type: "http", url: URL_SHOWN, headers: { "X-Token": "***", "x-other": "***" } };

interface Sent {
  url: string;
  headers: Record<string, string>;
}

/** What is sent to targets, from now until the mocks are restored. */
function targets(): Sent[] {
  const sent: Sent[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    sent.push({ url: request.url, headers: Object.fromEntries(request.headers) });
    return new Response("{}");
  });
  return sent;
}

/** What the queue's target gets of one job. */
async function sentBy(queue: string, { bindings = PROCESSOR_ENV, key = ROOT } = {}): Promise<Sent | undefined> {
  const sent = targets();
  const { id } = await submit({ queue }, { key });
  await work("default", bindings);
  expect(await getJob(id, { key })).toMatchObject({ state: "succeeded" });
  return sent[0];
}

async function expectNoCanary(): Promise<void> {
  await evict();
  for (const [place, text] of Object.entries(await everythingStored())) {
    expect(text.includes(CANARY), place).toBe(false);
    expect(text.includes("whsec_"), place).toBe(false);
  }
}

describe("a target's secrets", () => {
  it("are in no answer and nowhere at rest, and go to the target as they were sent", async () => {
    const queue = freshName();
    const path = `/v1/queues/${queue}`;
    const sub = `/v1/subscriptions/${freshName("sub")}`;
    const body = { events: ["job.accepted"], target: TARGET };
    const { id } = await (async () => {
      await call("PUT", path, { body: { target: TARGET } });
      return submit({ queue });
    })();
    const answers: Answer<unknown>[] = [
      await call("PUT", path, { body: { target: TARGET, consistency: "available" } }),
      await call("PUT", sub, { body }),
      await call("PATCH", path, { body: { concurrency: 4 } }),
      await call("PATCH", sub, { body: { filter: { queue } } }),
      await call("POST", `${path}/pause`),
      await call("POST", `${path}/resume`),
      await call("GET", path),
      await call("GET", sub),
      await call("GET", "/v1/queues"),
      await call("GET", "/v1/subscriptions"),
      await call("GET", `/v1/jobs/${id}/explain`),
      await call("GET", `/v1/jobs/${id}`),
      await call("PUT", path, { body: { target: { ...TARGET, headers: { "x-lost": "***", "x-t": CANARY } } } }),
    ];
    for (const { status, body: answered } of answers) {
      expect([200, 201, 202, 422]).toContain(status);
      expect(JSON.stringify(answered)).not.toContain(CANARY);
    }
    expect((await must<QueueView>("GET", path)).target).toEqual(SHOWN);
    expect((await must<SubscriptionView>("GET", sub)).target).toEqual(SHOWN);
    await secrets();
    await expectNoCanary();
    const sent = targets();
    await work();
    await submit({ queue });
    await tell();
    await work();
    expect(sent.filter(({ headers }) => headers["dure-event"] !== undefined)).not.toHaveLength(0);
    expect(sent.filter(({ headers }) => headers["dure-job-id"] !== undefined)).not.toHaveLength(0);
    for (const { url, headers } of sent) {
      expect(url).toBe(TARGET.url);
      expect(headers).toMatchObject({ "x-token": `${CANARY}-header`, "x-other": `${CANARY}-other` });
    }
    await must("DELETE", sub);
  });

  it("are kept by ***, in a PUT, in a PATCH of another member, and in one of another header", async () => {
    const queue = await newQueue({ target: TARGET });
    await putQueue(queue, { target: { ...TARGET, url: URL_SHOWN, headers: { "x-token": "***", "x-other": "new" } } });
    await must("PATCH", `/v1/queues/${queue}`, { body: { timeout: 30 } });
    await must("PATCH", `/v1/queues/${queue}`, { body: { target: { headers: { "x-third": "3" } } } });
    await must("PATCH", `/v1/queues/${queue}`, { body: { target: { url: "https://a.example/other?token=t2" } } });
    const sent = await sentBy(queue);
    expect(sent?.url).toBe("https://a.example/other?token=t2");
    expect(sent?.headers).toMatchObject({ "x-token": `${CANARY}-header`, "x-other": "new", "x-third": "3" });
    await must("PATCH", `/v1/queues/${queue}`, { body: { target: { headers: { "x-token": null } } } });
    vi.restoreAllMocks();
    expect((await sentBy(queue))?.headers).not.toHaveProperty("x-token");
  });

  it("are not kept by *** where there are none: a queue that is new, was deleted, or has another target", async () => {
    const refused = (pointers: string[]) => ({
      status: 422,
      body: { code: "secret-not-stored", errors: pointers.map((pointer) => ({ pointer })) },
    });
    const queue = freshName();
    const put = (target: unknown) => call("PUT", `/v1/queues/${queue}`, { body: { target } });
    const both = refused(["/target/url", "/target/headers/X-Token", "/target/headers/x-other"]);
    expect(await put(SHOWN)).toMatchObject(both);
    await putQueue(queue, { target: TARGET });
    await must("DELETE", `/v1/queues/${queue}`);
    expect(await put(SHOWN)).toMatchObject(both);
    await putQueue(queue, {});
    expect(await put(SHOWN)).toMatchObject(both);
    await putQueue(queue, { target: { type: "http", url: "https://a.example/", headers: { "x-a~b": "1" } } });
    const other = { type: "http", url: "https://a.example/", headers: { "x-a~b": "***", "y-a~b": "***" } };
    expect(await put(other)).toMatchObject(refused(["/target/headers/y-a~0b"]));
    expect(await put({ ...other, headers: {}, url: "https://a.example/?***" })).toMatchObject(refused(["/target/url"]));
  });

  describe.each([
    ["queues", {}],
    ["subscriptions", { events: ["job.accepted"] }],
  ])("of %s", (kind, rest) => {
    it.each([
      ["a host", "https://evil.example/hook?token=t"],
      ["a port", "https://a.example:8443/hook?token=t"],
      ["a scheme", "http://a.example/hook?token=t"],
    ])("do not go to %s that they were not given for", async (_, url) => {
      const path = `/v1/${kind}/${freshName()}`;
      await must("PUT", path, { body: { ...rest, target: TARGET } });
      expect(await call("PATCH", path, { body: { target: { url } } })).toMatchObject({
        status: 422,
        body: { code: "secret-not-stored", errors: [{ pointer: "/target" }, { pointer: "/target" }] },
      });
      const put = { body: { ...rest, target: { ...SHOWN, url } } };
      expect(await call("PUT", path, put)).toMatchObject({ status: 422, body: { code: "secret-not-stored" } });
      await must("PATCH", path, {
        body: { target: { url, headers: { "x-token": null, "X-Token": "n", "x-other": "n" } } },
      });
      await must("DELETE", path);
    });

    it("are not kept by *** where nothing was ever stored, in the URL or in a header", async () => {
      const put = { body: { ...rest, target: SHOWN } };
      expect(await call("PUT", `/v1/${kind}/${freshName()}`, put)).toMatchObject({
        status: 422,
        body: {
          code: "secret-not-stored",
          errors: ["/target/url", "/target/headers/X-Token", "/target/headers/x-other"].map((pointer) => ({ pointer })),
        },
      });
    });
  });

  it("of one place put into another's do not open there, and nothing is sent", async () => {
    const victim = await newQueue({ target: TARGET });
    const thief = await newQueue({ target: { ...TARGET, url: "https://a.example/thief" } });
    const settings = async (name: string) =>
      JSON.parse(
        (await env.DB.prepare("SELECT settings FROM queues WHERE name = ?").bind(name).first("settings")) ?? "",
      );
    const { target } = await settings(victim);
    const stolen = { ...(await settings(thief)), target, version: 2 };
    await env.DB.prepare("UPDATE queues SET version = 2, settings = ?, updated_at = ? WHERE name = ?")
      .bind(JSON.stringify(stolen), Date.now(), thief)
      .run();
    await runCron();
    const sent = targets();
    const { id } = await submit({ queue: thief, retry: { maxAttempts: 1 } });
    await work();
    expect(sent).toEqual([]);
    expect(await getJob(id)).toMatchObject({ state: "failed", error: { code: "secret-unavailable" } });
    await must("PATCH", `/v1/queues/${thief}`, { body: { target: null } });
  });
});

/** Rows as they were before secrets were sealed. */
async function putInClear(): Promise<{ queue: string; sub: string }> {
  const [queue, sub] = [await newQueue({ target: TARGET }), freshName("sub")];
  await must("PUT", `/v1/subscriptions/${sub}`, { body: { events: ["job.accepted"], target: TARGET } });
  for (const table of ["queues", "subscriptions"]) {
    await env.DB.prepare(`UPDATE ${table} SET settings = json_set(settings, '$.target', json(?)) WHERE name IN (?, ?)`)
      .bind(JSON.stringify(TARGET), queue, sub)
      .run();
  }
  await env.DB.prepare("UPDATE webhook_secrets SET secret = 'whsec_aW4gY2xlYXI=', sealed_by = ''").run();
  return { queue, sub };
}

/** The lines of the cron's step that seals, while `run` runs. */
async function sealedLines(run: () => Promise<void>): Promise<{ key: string; sealed: number; left: number }[]> {
  const lines: string[] = [];
  for (const level of ["info", "warn"] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
  }
  await run();
  vi.restoreAllMocks();
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "secrets-sealed");
}

describe("what is stored in clear", () => {
  it("works on, and is sealed by the cron: a new version, which every shard has", async () => {
    await secrets();
    const { queue, sub } = await putInClear();
    expect((await must<QueueView>("GET", `/v1/queues/${queue}`)).target).toEqual(SHOWN);
    expect((await secrets()).current).toBe("whsec_aW4gY2xlYXI=");
    const [line] = await sealedLines(() => runCron());
    expect(line).toMatchObject({ sealed: 3, left: 0 });
    await expectNoCanary();
    expect(await must<QueueView>("GET", `/v1/queues/${queue}`)).toMatchObject({ version: 2, target: SHOWN });
    expect((await secrets()).current).toBe("whsec_aW4gY2xlYXI=");
    expect((await sentBy(queue))?.headers).toMatchObject({ "x-token": `${CANARY}-header` });
    expect(await sealedLines(() => runCron())).toEqual([]);
    await must("DELETE", `/v1/subscriptions/${sub}`);
  });
});

describe("the master key", () => {
  it("is changed without a moment in which something does not open", async () => {
    const queue = await newQueue({ target: TARGET });
    const sub = `/v1/subscriptions/${freshName("sub")}`;
    await must("PUT", sub, { body: { events: ["job.accepted"], filter: { queue }, target: TARGET } });
    const before = await secrets();
    const change = { DURE_MASTER_KEY: OTHER_MASTER_KEY, DURE_MASTER_KEY_PREVIOUS: env.DURE_MASTER_KEY };
    const between = { ...env, ...change };
    const after = { ...env, DURE_MASTER_KEY: OTHER_MASTER_KEY };
    const processor = { ...PROCESSOR_ENV, ...change };
    const { headers } = await call("POST", "/v1/jobs", { body: { payload: null } });
    const bookmark = { "dure-bookmark": headers.get("dure-bookmark") ?? "" };
    // Both keys are there: what is under the old one is read, kept by ***, and sent.
    const put = { body: { target: { ...SHOWN, headers: { "X-Token": "***", "x-other": "o2" } } } };
    expect(await callThrough(between, ["PUT", `/v1/queues/${queue}`], put)).toMatchObject({ status: 200 });
    expect(await callThrough(between, ["GET", "/v1/webhook-secret"])).toMatchObject({ body: before });
    expect(await callThrough(between, ["GET", "/v1/jobs"], { headers: bookmark })).toMatchObject({ status: 200 });
    expect((await sentBy(queue, { bindings: processor }))?.headers).toMatchObject({
      "x-token": `${CANARY}-header`,
      "x-other": "o2",
    });
    vi.restoreAllMocks();
    expect(await callThrough(after, ["GET", "/v1/webhook-secret"])).toMatchObject({ status: 503 });
    // The cron brings everything under the new key, and says when nothing is left.
    const lines = await sealedLines(() => runCron(between));
    expect(lines.at(-1)).toMatchObject({ left: 0 });
    expect(lines.at(-1)?.sealed).toBeGreaterThanOrEqual(2);
    expect(await sealedLines(() => runCron(between))).toMatchObject([{ sealed: 0, left: 0 }]);
    // The old one is gone.
    expect(await callThrough(after, ["GET", "/v1/webhook-secret"])).toMatchObject({ status: 200, body: before });
    expect(await callThrough(after, ["GET", "/v1/jobs"], { headers: bookmark })).toMatchObject({ status: 400 });
    const sent = await sentBy(queue, { bindings: { ...PROCESSOR_ENV, DURE_MASTER_KEY: OTHER_MASTER_KEY } });
    expect(sent).toMatchObject({ url: TARGET.url, headers: { "x-token": `${CANARY}-header`, "x-other": "o2" } });
    vi.restoreAllMocks();
    const told = targets();
    await tell({ DURE_MASTER_KEY: OTHER_MASTER_KEY });
    const events = told.filter(({ headers }) => headers["dure-event"] !== undefined);
    expect(events).not.toHaveLength(0);
    for (const { url, headers } of events) {
      expect(url).toBe(TARGET.url);
      expect(headers).toMatchObject({ "x-token": `${CANARY}-header`, "x-other": `${CANARY}-other` });
    }
    await must("DELETE", sub);
    vi.restoreAllMocks();
    // And back, in the same way.
    await runCron({ ...env, DURE_MASTER_KEY_PREVIOUS: OTHER_MASTER_KEY } as Env);
    expect(await secrets()).toEqual(before);
  });

  it.each(["", "a"])("%j is refused: nothing is served, and a sentence says how to make one", async (key) => {
    const bindings = { ...env, DURE_MASTER_KEY: key };
    for (const path of ["/v1/jobs", "/readyz", "/healthz"]) {
      const answer = await callThrough<Problem>(bindings, ["GET", path]);
      expect(answer).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(answer.body.detail).toMatch(/DURE_MASTER_KEY is not .*openssl/);
    }
  });
});

describe("a webhook secret", () => {
  it("signs until the one after it is a day old, however often it is rotated", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("rotated"));
    const rotate = () => must<WebhookSecretView>("POST", "/v1/webhook-secret/rotate", { key });
    const first = await secrets(key);
    passTime(3_600_000 * 25);
    const second = await rotate();
    expect(second).toEqual({
      current: expect.stringMatching(/^whsec_/),
      previous: first.current,
      signing: [second.current, first.current],
    });
    passTime(3_600_000);
    const third = await rotate();
    expect(third.signing).toEqual([third.current, second.current, first.current]);
    expect(await secrets(key)).toEqual(third);
    const queue = await newQueue({ target: TARGET }, key);
    expect((await sentBy(queue, { key }))?.headers["webhook-signature"]?.split(" ")).toHaveLength(3);
    passTime(3_600_000 * 23);
    expect((await secrets(key)).signing).toEqual([third.current, second.current]);
    passTime(3_600_000);
    expect(await secrets(key)).toEqual({ current: third.current, previous: null, signing: [third.current] });
    await rotate();
    expect(
      await env.DB.prepare("SELECT count(*) AS n FROM webhook_secrets WHERE namespace = 'rotated'").first("n"),
    ).toBe(2);
  });

  it("is made anew ten times at most while all of them sign", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("whirled"));
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push((await call("POST", "/v1/webhook-secret/rotate", { key })).status);
    // The first rotation finds the one that was there before it.
    expect(statuses).toEqual([...Array.from({ length: 9 }, () => 200), 429, 429]);
    expect((await secrets(key)).signing).toHaveLength(10);
    passTime(3_600_000 * 25);
    expect((await call("POST", "/v1/webhook-secret/rotate", { key })).status).toBe(200);
  });
});
