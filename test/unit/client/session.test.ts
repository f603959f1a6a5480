import { describe, expect, test } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { type Answer, fakeServer, gate, type SeenRequest } from "../../rigs/client-fakes.ts";

const job = { id: "job_1", state: "queued", finishedAt: null };

/** Answers each call with the bookmark that follows from its number, unless the script says otherwise. */
function client(script: (request: SeenRequest, call: number) => Answer | Promise<Answer> = (_, call) => marked(call)) {
  let calls = 0;
  const server = fakeServer((request) => script(request, ++calls));
  const dure = new Dure({ url: "http://dure", key: "dure_k_s", fetch: server.fetch });
  const sent = () => server.seen.map(({ headers }) => headers["dure-bookmark"]);
  return { dure, seen: server.seen, sent };
}

function marked(call: number): Answer {
  return { body: job, headers: { "dure-bookmark": `mark-${call}` } };
}

function refusal(pointer: string): Answer {
  const errors = [{ pointer, detail: "is wrong" }];
  return { status: 400, body: { type: "", title: "", status: 400, detail: "", code: "invalid-request", errors } };
}

describe("a client's session", () => {
  test("goes on with every call, reads and writes alike", async () => {
    const { dure, sent } = client();
    await dure.submit({ payload: 1 });
    await dure.get("job_1", { consistency: "session" });
    await dure.get("job_1");
    await dure.cancel("job_1");
    await dure.queues.list();
    expect(sent()).toEqual([undefined, "mark-1", "mark-2", "mark-3", "mark-4"]);
  });

  test("keeps what it has when an answer brings nothing", async () => {
    const { dure, sent } = client((_, call) => (call === 2 ? { body: job } : marked(call)));
    for (let i = 0; i < 3; i++) await dure.get("job_1");
    expect(sent()).toEqual([undefined, "mark-1", "mark-1"]);
  });

  test("of calls that overlap keeps what each saw, until one call has gone with all of it", async () => {
    const [first, second] = [gate<Answer>(), gate<Answer>()];
    const { dure, sent } = client((_, call) => [first.promise, second.promise][call - 1] ?? marked(call));
    const both = Promise.all([dure.get("job_1"), dure.get("job_2")]);
    second.open(marked(2));
    first.open(marked(1));
    await both;
    await dure.get("job_1", { consistency: "session" });
    await dure.get("job_1", { consistency: "session" });
    expect(sent()).toEqual([undefined, undefined, "mark-2, mark-1", "mark-3"]);
  });

  test("reads strongly while more was seen than one call can say", async () => {
    const open = gate<void>();
    const { dure, sent, seen } = client(async (_, call) => {
      if (call <= 20) await open.promise;
      return marked(call);
    });
    const all = Promise.all(Array.from({ length: 20 }, () => dure.get("job_1")));
    open.open();
    await all;
    for (let i = 0; i < 2; i++) await dure.get("job_1", { consistency: "session" });
    expect(seen.slice(20).map(({ path }) => path)).toEqual([
      "/v1/jobs/job_1?consistency=strong",
      "/v1/jobs/job_1?consistency=session",
    ]);
    expect(
      sent()
        .slice(20)
        .map((header) => header?.split(", ").length),
    ).toEqual([16, 5]);
  });

  test("begins anew when the server does not take its bookmark any more: nothing was done then", async () => {
    const { dure, sent } = client(({ headers }, call) =>
      headers["dure-bookmark"] === "mark-1" ? refusal("/dure-bookmark") : marked(call),
    );
    await dure.submit({ payload: 1 });
    await dure.submit({ payload: 2 });
    expect(sent()).toEqual([undefined, "mark-1", undefined]);
    await dure.get("job_1");
    expect(sent().at(-1)).toBe("mark-3");
  });

  test("is not to blame for any other refusal", async () => {
    const { dure, seen } = client(({ headers }, call) =>
      headers["dure-bookmark"] === undefined ? marked(call) : refusal("/payload"),
    );
    await dure.submit({ payload: 1 });
    await expect(dure.submit({ payload: 2 })).rejects.toMatchObject({ code: "invalid-request" });
    expect(seen).toHaveLength(2);
  });
});
