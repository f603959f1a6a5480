import { expect, it } from "vitest";
import { call, newQueue, type Problem, submit } from "./api.ts";

/** Says of a refused call what is wrong at which place. */
async function said(method: string, path: string, options: Parameters<typeof call>[2]): Promise<string[]> {
  const { body } = await call<Problem>(method, path, options);
  return (body.errors ?? [{ pointer: "", detail: body.detail }]).map(({ pointer, detail }) => `${pointer} ${detail}`);
}

const NAME =
  "holds lower-case letters, digits, dots, underscores and hyphens, and begins with a letter or a digit: 1 to 63 characters.";

it.each<[string, method: string, path: string, options: Parameters<typeof call>[2], string]>([
  [
    "a date that is over",
    "POST",
    "/v1/keys",
    { body: { name: "late", scopes: ["read"], expiresAt: "2001-01-01T00:00:00Z" } },
    "/expiresAt expiresAt has to be in the future.",
  ],
  [
    "a handler that there is not",
    "PUT",
    "/v1/queues/q",
    { body: { target: { type: "handler", name: "nope" } } },
    "/target/name name is that of a handler: ",
  ],
  [
    "two keys that differ",
    "POST",
    "/v1/jobs",
    { body: { payload: 1, idempotencyKey: "a" }, headers: { "idempotency-key": "b" } },
    "/idempotencyKey idempotencyKey differs from the header Idempotency-Key.",
  ],
  ["a cursor of nothing", "GET", "/v1/jobs?cursor=x", {}, "/cursor cursor is not one of this list's."],
  [
    "a bookmark of nothing",
    "GET",
    "/v1/jobs",
    { headers: { "dure-bookmark": "x" } },
    "/dure-bookmark The header Dure-Bookmark is not a bookmark of this namespace.",
  ],
  ["a queue's name", "PUT", "/v1/queues/Mails!", { body: {} }, ` The queue's name in the path ${NAME}`],
  ["a parameter that there is not", "GET", "/v1/jobs?zzz=1", {}, "/zzz `zzz` is no parameter of this call."],
  [
    "a payload too large",
    "POST",
    "/v1/jobs",
    { body: { payload: "x".repeat(300_000) } },
    " The payload may be 256 KiB at most.",
  ],
])("%s is refused with a sentence that names it", async (_, method, path, options, sentence) => {
  expect(await said(method, path, options)).toEqual([expect.stringContaining(sentence)]);
});

it("a redrive into the same queue is refused with a sentence that names it", async () => {
  const queue = await newQueue();
  expect(await said("POST", `/v1/queues/${queue}/redrive`, { body: { queue } })).toEqual([
    "/queue queue has to be another one than the queue whose jobs are redriven.",
  ]);
});

it("a patch that makes no whole is refused with each name said once", async () => {
  const queue = await newQueue();
  expect(await said("PATCH", `/v1/queues/${queue}`, { body: { rate: {} } })).toEqual([
    expect.stringMatching(/^\/rate\/limit limit is missing: it is a whole number /),
    expect.stringMatching(/^\/rate\/period period is missing: it is a number of seconds/),
  ]);
});

it("a target that the timeout does not go with is told what to send", async () => {
  const queue = await newQueue({ timeout: 5000 });
  const body = { target: { type: "handler", name: "noop" } };
  expect(await said("PATCH", `/v1/queues/${queue}`, { body })).toEqual([
    "/target target is of type `pull`, or of type `http` with `async`, as long as the timeout is 5,000 seconds: send a timeout of at most 900 seconds with it.",
  ]);
});

it("a patch of a limit below the partitions of a queue with jobs names ways out that work", async () => {
  const queue = await newQueue({ partitions: 16 });
  await submit({ queue });
  const refused = await call<Problem>("PATCH", `/v1/queues/${queue}`, { body: { concurrency: 3 } });
  expect(refused).toMatchObject({
    status: 422,
    body: { detail: expect.stringMatching(/whose number cannot change, because the queue has 1 unfinished job\./) },
  });
  expect((await call("PATCH", `/v1/queues/${queue}`, { body: { concurrency: 16 } })).status).toBe(200);
});
