import { describe, expect, test, vi } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import { KeptBodies } from "../../../../../workers/gateway/proxy/kept-bodies.ts";
import {
  MAX_REPLAYED_BYTES,
  type ProxyBody,
  sentBody,
  takeBody,
} from "../../../../../workers/gateway/proxy/request-body.ts";

// What Node has in its place.
vi.stubGlobal(
  "FixedLengthStream",
  class extends TransformStream {
    constructor(_length: number) {
      super();
    }
  },
);

function request(method: string, body: BodyInit | null, length: number | null): Request {
  const headers = length === null ? {} : { "content-length": String(length) };
  const init = { method, body, headers, duplex: "half" };
  return new Request("https://dure.test/", init);
}

const chunks = (...parts: (Uint8Array | "breaks")[]) =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else if (part === "breaks") controller.error(new Error("Network connection lost."));
      else controller.enqueue(part);
    },
  });

const NEVER = new AbortController().signal;
const taking = (ms = 1_000, kept = new KeptBodies(), gone = NEVER) => ({
  ms,
  namespace: "default",
  kept,
  gone,
  now: 1_000_000,
});
/** Takes all that there is for the namespace, but so many bytes. */
const fill = (kept: KeptBodies, but: number) =>
  kept.take({ namespace: "default", bytes: 8 * 1024 * 1024 - but, ms: 60_000 }, 1_000_000);

async function typeOf(taken: Promise<ProxyBody | object>): Promise<string> {
  const body = await taken;
  return isProblem(body) ? body.code : (body as ProxyBody).type;
}

describe("what is taken", () => {
  test.each([
    ["GET", null, null, "none"],
    ["POST", null, null, "none"],
    ["POST", "", 0, "none"],
    ["POST", "hello", 5, "whole"],
    ["POST", "x".repeat(MAX_REPLAYED_BYTES), MAX_REPLAYED_BYTES, "whole"],
    ["POST", "x".repeat(MAX_REPLAYED_BYTES + 1), MAX_REPLAYED_BYTES + 1, "stream"],
    ["POST", "hello", null, "stream"],
  ] as const)("%s with a body of %#", async (method, body, length, expected) => {
    expect(await typeOf(takeBody(request(method, body, length), taking()))).toBe(expected);
  });

  test("a small body that does not come in time, or breaks off, is the client's fault", async () => {
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    expect(await typeOf(takeBody(request("POST", never, 5), taking(20)))).toBe("invalid-request");
    expect(await typeOf(takeBody(request("POST", chunks("breaks"), 5), taking()))).toBe("invalid-request");
  });
});

test("a small body is a stream where there is no memory to keep it, and gives its own back when it is released or does not come", async () => {
  const kept = new KeptBodies();
  fill(kept, 5);
  const hello = () => takeBody(request("POST", "hello", 5), taking(1_000, kept));
  const first = await hello();
  expect(await typeOf(Promise.resolve(first))).toBe("whole");
  expect(await typeOf(hello())).toBe("stream");
  if (!isProblem(first) && first.type === "whole") first.release();
  expect(await typeOf(takeBody(request("POST", chunks("breaks"), 5), taking(1_000, kept)))).toBe("invalid-request");
  expect(await typeOf(hello())).toBe("whole");
});

test.each([
  ["has come whole", "hello"],
  ["has come in part", new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) })],
])(
  "a small body that %s is given back at once when its client has gone, and not when the request ends",
  async (_, body) => {
    const kept = new KeptBodies();
    fill(kept, 5);
    const leaving = new AbortController();
    const first = takeBody(request("POST", body, 5), taking(60_000, kept, leaving.signal));
    await new Promise(setImmediate);
    expect(fill(kept, 8 * 1024 * 1024 - 1)).toBeNull();
    leaving.abort();
    expect(fill(kept, 8 * 1024 * 1024 - 5)).not.toBeNull();
    void first;
  },
);

describe("what is sent", () => {
  test("a whole body as often as need be", async () => {
    const body: ProxyBody = { type: "whole", bytes: new Uint8Array([1, 2]), release: () => undefined };
    for (let i = 0; i < 2; i++) {
      const { body: bytes, sent, broken } = sentBody(body);
      expect(bytes).toBe(body.bytes);
      await sent;
      expect(broken).toBeNull();
    }
  });

  test("a stream as it comes, and it is known when all of it was sent", async () => {
    const source = chunks(new Uint8Array([1]), new Uint8Array([2, 3]));
    const { body, sent, broken } = sentBody({ type: "stream", source, length: 3 });
    expect([...new Uint8Array(await new Response(body).arrayBuffer())]).toEqual([1, 2, 3]);
    await sent;
    expect(broken?.aborted).toBe(false);
  });

  test("one without a stated length as the client's own stream, of which nobody can tell when it has ended", () => {
    const source = chunks(new Uint8Array([1]));
    expect(sentBody({ type: "stream", source, length: null })).toEqual({ body: source, sent: null, broken: null });
  });

  test("that the client has broken off is told from an instance that has, and is never an end of the body", async () => {
    const client = sentBody({ type: "stream", source: chunks(new Uint8Array([1]), "breaks"), length: 3 });
    const reader = (client.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    const ended = reader.read();
    await vi.waitFor(() => expect(client.broken?.aborted).toBe(true));
    expect(await Promise.race([ended, Promise.resolve("open")])).toBe("open");

    const instance = sentBody({ type: "stream", source: chunks(new Uint8Array([1])), length: 3 });
    await (instance.body as ReadableStream).cancel();
    await new Promise(setImmediate);
    expect(instance.broken?.aborted).toBe(false);
  });
});
