import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { ClaimedJobView } from "../../contract/pull.ts";
import { primary } from "../../workers/db/client.ts";
import { findJob } from "../../workers/db/history.ts";
import { EDGES, packedTexts, partOf, randomText } from "../rigs/json-texts.ts";
import { Random } from "../simulation/random.ts";
import { call, claimOne, evict, existingAnywhere, getJob, must, newQueue, ROOT, request, submit } from "./api.ts";
import { bound } from "./binding.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { finishedJobs } from "./history.ts";
import { awayGateway, consume } from "./ingest.ts";
import { histories } from "./lane.ts";
import { project, work } from "./processor.ts";

/** Payloads, results and checkpoints are the sender's own text, byte for byte, through every door and every way out. */

/** See `test/lane.ts`. */
const TEXTS = histories.texts;
const EACH = 25;
const PAGE = 100;

afterEach(resetClock);

/** A call, with the text of its body and of its answer. */
async function texts(method: string, path: string, text?: string): Promise<string> {
  const response = await exports.default.fetch(request(method, path, text === undefined ? {} : { text }));
  const answer = new TextDecoder().decode(await response.arrayBuffer());
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${answer.slice(0, 500)}`);
  return answer;
}

const read = (id: string) => texts("GET", `/v1/jobs/${id}`);

async function stored(id: string, column: "payload" | "result"): Promise<unknown> {
  return (await findJob(primary(env.DB), "default", id))?.[column];
}

it(
  "random texts go in by batches and patches, out to workers, back as results and checkpoints, into history and out of it",
  async () => {
    const random = new Random(TEXTS);
    const payloads = packedTexts(random, TEXTS, EACH);
    for (let at = 0; at < payloads.length; at += PAGE) {
      const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 2, delay: 0, maxDelay: 0 } });
      const page = payloads.slice(at, at + PAGE);
      const jobs = page.map((text, i) => `{"payload" :${text}, "queue":"${queue}","priority":${i % 10}}`);
      const batch = await texts("POST", "/v1/batches", `{"atomic":${at % 200 === 0},"jobs":[${jobs.join(",")}]}`);
      const ids = (JSON.parse(batch) as { items: { id: string }[] }).items.map(({ id }) => id);
      await expectShown(queue, new Map(ids.map((id, i) => [id, page[i] ?? ""])));
      // Each job gets the text of the one before it in place of its own.
      const textOf = new Map(ids.map((id, i) => [id, page.at(i - 1) ?? ""]));
      for (const [id, text] of textOf) await texts("PATCH", `/v1/jobs/${id}`, `{ "payload":${text}}`);
      await expectShown(queue, textOf);
      const claimed = await texts("POST", `/v1/queues/${queue}/claim`, '{"max":100}');
      const leases = (JSON.parse(claimed) as { jobs: ClaimedJobView[] }).jobs;
      expect(leases.length).toBe(page.length);
      for (const { id } of leases) expect(partOf(claimed, id)).toContain(`"payload":${textOf.get(id)},"result":null,`);
      await again(queue, leases.slice(0, 3), textOf);
      // What comes back is another job's text, so that nothing passes by being the payload.
      const results = new Map(ids.map((id, i) => [id, page.at(-1 - i) ?? ""]));
      const last = leases.slice(3);
      const reports = last.map(({ id, lease }) => `{"result":${results.get(id)},"lease":"${lease}","ok":true}`);
      await texts("POST", "/v1/reports", `{"reports":[${reports.join(",")}]}`);
      const list = await texts("GET", `/v1/jobs?queue=${queue}&include=payload,result&limit=200`);
      const shown = (id: string) => `"payload":${textOf.get(id)},"result":${results.get(id)},"resultTruncated"`;
      for (const { id } of last) expect(partOf(list, id)).toContain(shown(id));
      await project();
      for (const { id, payload, result } of await finishedJobs(queue)) {
        expect(payload).toBe(textOf.get(id));
        // Null is no result.
        if (textOf.has(id) && result !== null) expect(result).toBe(results.get(id));
      }
      await outOfHistory(page);
    }
  },
  60_000 + TEXTS * 20,
);

async function expectShown(queue: string, textOf: Map<string, string>): Promise<void> {
  const list = await texts("GET", `/v1/jobs?queue=${queue}&include=payload&limit=200`);
  for (const [id, text] of textOf) expect(partOf(list, id)).toContain(`"payload":${text},`);
}

/** Failed jobs that history alone has come back with their texts. */
async function outOfHistory(page: string[]): Promise<void> {
  const queue = await newQueue({ partitions: 1, retention: 60, idempotencyWindow: 1, retry: { maxAttempts: 1 } });
  const jobs = page.map((text) => `{"queue":"${queue}","payload":${text}}`);
  const batch = await texts("POST", "/v1/batches", `{"jobs":[${jobs.join(",")}]}`);
  const ids = (JSON.parse(batch) as { items: { id: string }[] }).items.map(({ id }) => id);
  const { jobs: claimed } = JSON.parse(await texts("POST", `/v1/queues/${queue}/claim`, '{"max":100}')) as {
    jobs: ClaimedJobView[];
  };
  const error = { code: "again" };
  await must("POST", "/v1/reports", { body: { reports: claimed.map(({ lease }) => ({ lease, ok: false, error })) } });
  await project();
  passTime(90_000);
  for (let alarms = 0; alarms < 3; alarms++) await runAlarms();
  expect(await existingAnywhere(ids)).toEqual([]);
  for (let more = true; more; )
    ({ more } = await must<{ more: boolean }>("POST", `/v1/queues/${queue}/redrive`, { body: {} }));
  const again = await texts("POST", `/v1/queues/${queue}/claim`, '{"max":100}');
  for (const [i, id] of ids.entries()) expect(partOf(again, id)).toContain(`"payload":${page[i]},`);
}

/** Checkpoints come to the next attempt as they were given. */
async function again(queue: string, leases: ClaimedJobView[], textOf: Map<string, string>): Promise<void> {
  for (const { id, lease } of leases) {
    const small = textOf.get(id) ?? "";
    const checkpoint = small.length > 20_000 || small === "null" ? "[1.0]" : small;
    await texts("POST", "/v1/leases/extend", `{"checkpoint":${checkpoint},"lease":"${lease}"}`);
    await texts("POST", "/v1/leases/fail", `{"lease":"${lease}","error":{"code":"again"}}`);
    passTime(1000);
    await runAlarms();
    const next = await texts("POST", `/v1/queues/${queue}/claim`, '{"max":1,"wait":2}');
    expect(partOf(next, id)).toContain(`"checkpoint":${checkpoint}}`);
    expect(partOf(next, id)).toContain(`"payload":${textOf.get(id)},`);
  }
}

describe("through every other door", () => {
  const random = new Random(7);
  const some = [...EDGES, ...Array.from({ length: 40 }, () => randomText(random))];
  const list = `[${some.join(" ,")}]`;

  it("over a service binding, where the text stands beside the value", async () => {
    const dure = bound({ key: ROOT });
    const queue = await newQueue({ partitions: 1 });
    const { id, payloadText } = (await dure.submit({ queue, payloadText: list })) as JobView & { payloadText: string };
    expect(payloadText).toBe(list);
    expect(await read(id)).toContain(`"payload":${list},"result":null`);
    const { jobs } = await dure.claim(queue, { max: 1 });
    const [job] = jobs as (ClaimedJobView & { payloadText: string })[];
    expect(job?.payloadText).toBe(list);
    expect(job?.payload).toEqual(JSON.parse(list));
    await dure.extend(job?.lease ?? "", { checkpointText: "[1.0]" } as never);
    await dure.report([{ lease: job?.lease ?? "", ok: true, resultText: list } as never]);
    expect(await dure.get(id)).toMatchObject({ resultText: list });
    const batch = await dure.submitBatch({ jobs: [{ queue, payloadText: " 1.0 " } as never] });
    expect(await read((batch.items[0] as { id: string }).id)).toContain('"payload":1.0,"result":null');
  });

  it("a text over the binding that is no JSON is refused, and so is one beside a value", async () => {
    const dure = bound({ key: ROOT });
    const code = (job: object) =>
      dure.submit(job as never).then(
        () => "accepted",
        (error: { code: string }) => error.code,
      );
    expect(await code({ payloadText: "1.0.0" })).toBe("invalid-request");
    expect(await code({ payloadText: "1", payload: 1 })).toBe("invalid-request");
    expect(await code({ payloadText: 1 })).toBe("invalid-request");
  });

  it("by the ingest Queue", async () => {
    const queue = await newQueue();
    await consume([{ type: "submit", job: { queue, payloadText: list } }]);
    expect(await texts("GET", `/v1/jobs?queue=${queue}&include=payload`)).toContain(`"payload":${list},`);
  });

  it("of a job that a success brings, by a report and by the answer of a target", async () => {
    const queue = await newQueue();
    const to = await newQueue();
    await submit({ queue });
    const { lease } = await claimOne(queue);
    const spawn = `[{"queue":"${to}","payload":${list}}]`;
    await texts("POST", `/v1/leases/${lease}/succeed`, `{"spawn":${spawn},"result":-0}`);
    const came = async () =>
      expect(await texts("GET", `/v1/jobs?queue=${to}&include=payload`)).toContain(`"payload":${list},`);
    await vi.waitFor(came, { timeout: 15_000 });
  });

  it("of a schedule, whose patch leaves what it does not name as it was written", async () => {
    const queue = await newQueue();
    const name = `texts-${queue}`;
    const job = `{"queue":"${queue}","payload":{"a":1.0,"b":3889108265204450030, "c":${list}}}`;
    await texts("PUT", `/v1/schedules/${name}`, `{"cron":"* * * * *","job":${job}}`);
    expect(await texts("GET", `/v1/schedules/${name}`)).toContain(
      `"payload":{"a":1.0,"b":3889108265204450030, "c":${list}},`,
    );
    await texts("PATCH", `/v1/schedules/${name}`, '{"job":{"payload":{"a":null,"d":-0}}}');
    const patched = `"payload":{"b":3889108265204450030,"c":${list},"d":-0},`;
    expect(await texts("GET", `/v1/schedules?limit=200`)).toContain(patched);
    passTime(61_000);
    const fired = async () => {
      await runAlarms();
      expect(await texts("GET", `/v1/jobs?queue=${queue}&include=payload`)).toContain(patched);
    };
    await vi.waitFor(fired, { timeout: 15_000 });
    await texts("DELETE", `/v1/schedules/${name}`);
  });

  it("through a redrive, from the shard and from history, to the same queue and to another", async () => {
    const to = await newQueue();
    for (const [redrive, isForgotten] of [
      ['{"patch":{"d":1e400}}', false],
      ['{"patch":{"d":1e400}}', true],
      [`{"patch":{"d":1e400},"queue":"${to}"}`, false],
      [`{"patch":{"d":1e400},"queue":"${to}"}`, true],
      [`{"queue":"${to}"}`, false],
      [`{"queue":"${to}"}`, true],
    ] as const) {
      const queue = await newQueue({ retention: 60, idempotencyWindow: 1, retry: { maxAttempts: 1 } });
      await texts("POST", "/v1/jobs", `{"queue":"${queue}","payload":{"b":1.0,"c":${list}}}`);
      const { id, lease } = await claimOne(queue);
      await texts("POST", `/v1/leases/${lease}/fail`, '{"error":{"code":"x"}}');
      if (isForgotten) {
        await project();
        passTime(90_000);
        for (let alarms = 0; alarms < 3; alarms++) await runAlarms();
        expect(await existingAnywhere([id])).toEqual([]);
      }
      await texts("POST", `/v1/queues/${queue}/redrive`, redrive);
      const claimed = await texts("POST", `/v1/queues/${redrive.includes(to) ? to : queue}/claim`, "{}");
      expect(claimed).toContain(`"payload":{"b":1.0,"c":${list}${redrive.includes("patch") ? ',"d":1e400' : ""}},`);
    }
  });

  it("of a job that waits for its shard, whose trace comes along", async () => {
    const queue = await newQueue({ consistency: "available" });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const bindings = awayGateway("broken");
    const text = `{"queue":"${queue}","payload":${list}}`;
    const { body } = await callThrough<JobView>(bindings, ["POST", "/v1/jobs"], { text, headers: { traceparent } });
    expect(body).toMatchObject({ state: "accepted", traceparent });
    expect(await read(body.id)).toContain(`"payload":${list},`);
    expect(await getJob(body.id)).toMatchObject({ state: "accepted", traceparent });
    await consume(bindings.sent);
    expect(await read(body.id)).toContain(`"payload":${list},`);
    expect(await claimOne(queue)).toMatchObject({ id: body.id, traceparent });
  });

  it("to an HTTP target, whose answer is the result to the digit", async () => {
    const queue = await newQueue({ target: { type: "http", url: "https://target.example/" } });
    const bodies: string[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      bodies.push(await new Request(input, init).text());
      return new Response(`${list}\n`, { headers: { "content-type": "application/json" } });
    });
    const { id } = JSON.parse(await texts("POST", "/v1/jobs", `{"queue":"${queue}","payload":${list}}`)) as JobView;
    await work();
    expect(bodies).toEqual([list]);
    expect(await read(id)).toContain(`"payload":${list},"result":${list},"resultTruncated":false`);
    await project();
    passTime(3_700_000);
    await runAlarms();
    await evict();
    expect(await stored(id, "result")).toBe(list);
    expect(await read(id)).toContain(`"payload":${list},"result":${list},"resultTruncated":false`);
  });
});

describe("idempotency compares what texts mean, to the digit", () => {
  const key = (payload: string, name: string) =>
    call<JobView>("POST", "/v1/jobs", { text: `{"payload":${payload},"idempotencyKey":"${name}"}` });

  it.each([
    ['{"id":3889108265204450030}', '{"id":3889108265204450031}'],
    ["1e400", "1e401"],
    ["0.1", "0.10000000000000001"],
    ['{"a":1,"a":2}', '{"a":2}'],
    ["[1,0]", "[10]"],
  ])("%s is not %s", async (one, other) => {
    const name = `differs ${one.replaceAll('"', "'")}`;
    expect((await key(one, name)).status).toBe(202);
    expect((await key(other, name)).body).toMatchObject({ code: "idempotency-mismatch" });
  });

  it.each([
    ['{"a":1.0,"b":"\\u00e9"}', ' { "b" : "é" , "a" : 10e-1 } '],
    ["[-0,1e400]", "[0,10e399]"],
    ["3889108265204450030", "3889108265204450030.0"],
  ])("%s is %s", async (one, other) => {
    const name = `same ${one.replaceAll('"', "'").replaceAll("\\", "|")}`;
    const first = await key(one, name);
    const again = await key(other, name);
    expect([first.status, again.status, again.body.id]).toEqual([202, 200, first.body.id]);
    expect(await read(first.body.id)).toContain(`"payload":${one},`);
  });
});

describe("what is not as it should be is refused at the door", () => {
  it.each<[string, BodyInit, number, object]>([
    [
      "two members of one name",
      '{"payload":1,"queue":"default","queue":"x"}',
      400,
      { errors: [{ pointer: "/queue", detail: "queue is named twice." }] },
    ],
    [
      "two payloads",
      '{"payload":1,"pa\\u0079load":2}',
      400,
      { errors: [{ pointer: "/payload", detail: "payload is named twice." }] },
    ],
    [
      "bytes that are not UTF-8",
      new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      400,
      { errors: [{ pointer: "", detail: "The body is not UTF-8." }] },
    ],
    [
      "half of a character",
      new TextEncoder().encode('{"payload":"é"}').filter((byte) => byte !== 0xa9),
      400,
      { errors: [{ pointer: "", detail: "The body is not UTF-8." }] },
    ],
    ["a number of 300,000 digits", `{"payload":${"7".repeat(300_000)}}`, 413, { code: "payload-too-large" }],
    [
      "a payload of too many bytes though its value is short",
      `{"payload":[1${" ".repeat(262_144)}]}`,
      413,
      { code: "payload-too-large" },
    ],
    [
      "513 levels",
      `{"payload":${"[".repeat(512)}${"]".repeat(512)}}`,
      400,
      { errors: [{ pointer: "", detail: "The body nests deeper than 512 levels." }] },
    ],
    [
      "what is nearly JSON",
      '{"payload":01}',
      400,
      {
        detail: "The body is not JSON: line 1, character 13.",
        errors: [{ pointer: "", detail: "The body is not JSON: line 1, character 13." }],
      },
    ],
    ["nothing", "", 400, { errors: [{ pointer: "", detail: "The body is empty." }] }],
  ])("%s", async (_, text, status, problem) => {
    const answer = await call("POST", "/v1/jobs", { text });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(problem);
  });

  it("512 levels, and a mark of byte order in front, are taken", async () => {
    const payload = "[".repeat(511) + "]".repeat(511);
    const { id } = await must<JobView>("POST", "/v1/jobs", { text: `\ufeff{"payload":${payload}}` });
    expect(await read(id)).toContain(`"payload":${payload},`);
    expect((await getJob(id)).id).toBe(id);
  });
});
