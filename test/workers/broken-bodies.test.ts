import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import gateway from "../limits/gateway.ts";
import { answerOf, type Problem, ROOT } from "./api.ts";

/** A body that breaks off is its sender's fault, whatever call it was for. */

const WITH_BODY = CALL_LIST.filter(({ body }) => body !== undefined);

afterEach(() => vi.restoreAllMocks());

/** A stream of 20 bytes, after which its sender is gone. */
function brokenBody(): ReadableStream<Uint8Array> {
  const sent = [new TextEncoder().encode('{"payload":{"text":"')];
  return new ReadableStream({
    pull(controller) {
      const chunk = sent.shift();
      if (chunk === undefined) controller.error(new Error("Network connection lost."));
      else controller.enqueue(chunk);
    },
  });
}

async function send({ method, path }: (typeof WITH_BODY)[number], headers: Record<string, string>) {
  const url = `https://dure.test${path.replaceAll(/\{\w+\}/g, "some-name")}`;
  const context = createExecutionContext();
  const request = new Request(url, {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${ROOT}`, "content-type": "application/json", ...headers },
    body: brokenBody(),
  });
  const answer = await answerOf<Problem>(await gateway.fetch(request, env, context));
  await waitOnExecutionContext(context);
  return answer;
}

describe.each([
  ["of a stated length", { "content-length": "100" }],
  ["of no stated length", {}],
])("a body %s that breaks off", (_, headers) => {
  it.each(WITH_BODY.map((definition) => [definition.id, definition] as const))("of %s", async (_id, definition) => {
    const errors = vi.spyOn(console, "error");
    const { status, body } = await send(definition, headers);
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { code: "invalid-request", detail: "The body broke off." },
    });
    expect(errors.mock.calls).toEqual([]);
  });
});
