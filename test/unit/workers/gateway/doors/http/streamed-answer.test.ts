import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { streamed } from "../../../../../../workers/gateway/doors/http/streamed-answer.ts";

/** workerd's stream of bytes, which Node has under another name. */
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("IdentityTransformStream", TransformStream);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** An answer that is made after `ms`, and the times (ms from the start) at which its parts came. */
async function parts(ms: number, beat?: () => number): Promise<{ text: string; at: number[] }> {
  const make = () => new Promise<{ jobs: number[] }>((resolve) => setTimeout(() => resolve({ jobs: [1] }), ms));
  const start = Date.now();
  const body = streamed(make, { otherwise: { jobs: [] }, gone: new AbortController().signal, beat });
  const at: number[] = [];
  let text = "";
  const read = (async () => {
    for await (const part of body) {
      at.push(Date.now() - start);
      text += new TextDecoder().decode(part);
    }
  })();
  await vi.advanceTimersByTimeAsync(ms + 10_000);
  await read;
  return { text, at };
}

test("a space is sent now and then until the answer is there, which comes at once", async () => {
  const { text, at } = await parts(5_500);
  expect(text.trim()).toBe('{"jobs":[1]}');
  expect(at.slice(0, 3)).toEqual([200, 600, 1_400]);
  expect(at.slice(3)).toEqual([2_400, 3_400, 4_400, 5_400, 5_500]);
});

test("how often is for the one that counts those who wait to say", async () => {
  let said = 0;
  const { at } = await parts(20_000, () => {
    said++;
    return 4_000;
  });
  expect(at.length).toBe(said);
  // An eighth of the longest pause at first, and twice as long each time.
  expect(at).toEqual([500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 20_000]);
});

test("an answer that cannot be made is the other one", async () => {
  const make = () => Promise.reject(new Error("the shard is away"));
  const log = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const body = streamed(make, { otherwise: { jobs: [] }, gone: new AbortController().signal });
  const text = new Response(body as ReadableStream).text();
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await text).trim()).toBe('{"jobs":[]}');
  log.mockRestore();
});
