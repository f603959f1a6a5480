import { expect, test } from "vitest";
import { sendOnce, urlWithin } from "../../../../../workers/gateway/proxy/upstream.ts";

test.each([
  ["https://a.example", "/send", "https://a.example/send"],
  ["https://a.example", "", "https://a.example/"],
  ["https://a.example/", "/send", "https://a.example/send"],
  ["https://a.example/base", "/send?x=1&y=%2F", "https://a.example/base/send?x=1&y=%2F"],
  ["https://a.example/base", "", "https://a.example/base"],
  ["https://a.example/base/", "/", "https://a.example/base/"],
  ["https://a.example:8443", "/a%20b", "https://a.example:8443/a%20b"],
  ["https://a.example", "//evil.example/x", "https://a.example//evil.example/x"],
  ["https://a.example/base", "//evil.example/x", "https://a.example/base//evil.example/x"],
  ["https://a.example/base", "/../secret", null],
  ["https://a.example/base", "/%2e%2e/secret", null],
  ["https://a.example/base", "/..%2fsecret", "https://a.example/base/..%2fsecret"],
  ["https://a.example/base", "/x/../../base2", null],
  ["https://a.example/base", "/\\..\\..\\secret", null],
])("%s and %s: %s", (instance, rest, expected) => {
  expect(urlWithin(instance, rest)).toBe(expected);
});

/** Sends a request whose answer never comes; `fires` says which timer does, `sends` whether all of the body was sent. */
function hanging({
  fires,
  sends,
  clientFails = false,
}: {
  fires: "first" | "whole";
  sends: boolean;
  clientFails?: boolean;
}) {
  const whole = new AbortController();
  const body = {
    body: null,
    sent: sends ? Promise.resolve() : new Promise<void>(() => undefined),
    clientFailed: () => clientFails,
  };
  const sending = {
    url: "https://a.example/",
    method: "POST",
    headers: new Headers(),
    body,
    firstByteMs: 100,
    signal: whole.signal,
  };
  let armed = 0;
  return sendOnce(sending, {
    now: () => 1_000,
    after: (_, wake) => {
      armed++;
      if (fires === "first") setImmediate(wake);
      return () => undefined;
    },
    fetch: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
        if (clientFails) reject(new Error("Network connection lost."));
        if (fires === "whole") setImmediate(() => whole.abort());
      }),
  }).then(({ type }) => ({ type, armed }));
}

test.each([
  ["the answer does not begin in time", { fires: "first", sends: true }, "late", 1],
  ["the whole takes too long", { fires: "whole", sends: true }, "late", 1],
  [
    "the client takes too long to send the body: no timer for an answer runs",
    { fires: "whole", sends: false },
    "unsent",
    0,
  ],
  ["the client breaks off", { fires: "whole", sends: false, clientFails: true }, "unsent", 0],
] as const)("%s", async (_what, how, type, armed) => {
  expect(await hanging(how)).toEqual({ type, armed });
});
