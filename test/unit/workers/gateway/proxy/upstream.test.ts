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
  ["https://a.example/base", "/..%2fsecret", null],
  ["https://a.example", "/../secret", null],
  ["https://a.example/base", "/x/../y", null],
  ["https://a.example/base", "/..;/secret", null],
  ["https://a.example/base", "/x?y=/../z", "https://a.example/base/x?y=/../z"],
  ["https://a.example/base", "/x/../../base2", null],
  ["https://a.example/base", "/\\..\\..\\secret", null],
])("%s and %s: %s", (instance, rest, expected) => {
  expect(urlWithin(instance, rest)).toBe(expected);
});

/** Sends a request whose answer never comes; `fires` says which timer does, `sends` whether all of the body was sent. */
function hanging({ fires, sends }: { fires: "first" | "whole" | "client" | "gone"; sends: boolean }) {
  const whole = new AbortController();
  const broken = new AbortController();
  const gone = new AbortController();
  const body = {
    body: null,
    sent: sends ? Promise.resolve() : new Promise<void>(() => undefined),
    broken: sends ? null : broken.signal,
  };
  const sending = {
    url: "https://a.example/",
    method: "POST",
    headers: new Headers(),
    body,
    firstByteMs: 100,
    signal: whole.signal,
    gone: gone.signal,
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
        if (fires === "whole") setImmediate(() => whole.abort());
        if (fires === "gone") setImmediate(() => gone.abort());
        if (fires === "client") setImmediate(() => broken.abort());
      }),
  }).then(({ type }) => ({ type, armed }));
}

test.each([
  ["the answer does not begin in time", { fires: "first", sends: true }, "late", 1],
  ["the whole takes too long", { fires: "whole", sends: true }, "cut", 1],
  ["the caller wants no answer any more", { fires: "gone", sends: true }, "unwanted", 1],
  [
    "the client takes too long to send the body: no timer for an answer runs",
    { fires: "whole", sends: false },
    "unsent",
    0,
  ],
  ["the client breaks off: the request is given up", { fires: "client", sends: false }, "unsent", 0],
] as const)("%s", async (_what, how, type, armed) => {
  expect(await hanging(how)).toEqual({ type, armed });
});
