import { describe, expect, test } from "vitest";
import { answerHeadersThrough, maySendTwice, requestHeadersThrough, upgradeOf } from "../../../domain/proxy-headers.ts";

const names = (headers: [string, string][]) => headers.map(([name]) => name);

describe("of a request", () => {
  test.each([
    "Authorization",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
    "Content-Length",
    "Host",
    "Expect",
    "Cookie",
    "Dure-Namespace",
    "Dure-Lease",
    "Webhook-Signature",
    "Forwarded",
    "X-Forwarded-For",
    "X-Real-IP",
    "CF-Connecting-IP",
    "CF-Worker",
    "True-Client-IP",
    "CDN-Loop",
    "Cookie2",
    "Client-IP",
    "Fastly-Client-IP",
    "Dure_Namespace",
    "dure_deadline",
    "X_Forwarded_For",
    "X-Forwarded_For",
    "X.Forwarded.For",
    "X-Own_Name",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
  ])("%s is not sent on", (name) => {
    expect(requestHeadersThrough([[name, "x"]])).toEqual([]);
  });

  test("others are, with their values as they are", () => {
    const headers: [string, string][] = [
      ["Content-Type", "application/json; charset=utf-8"],
      ["Accept", "*/*"],
      ["If-None-Match", '"abc"'],
      ["Idempotency-Key", "order-17"],
      ["X-Api-Key", "of the service"],
    ];
    expect(requestHeadersThrough(headers)).toEqual(headers.map(([name, value]) => [name.toLowerCase(), value]));
  });

  test("a subprotocol is, where the connection is to be handed over, and nothing else of a handshake", () => {
    const headers: [string, string][] = [
      ["Sec-WebSocket-Protocol", "chat"],
      ["Sec-WebSocket-Key", "x"],
      ["Sec-WebSocket-Version", "13"],
    ];
    expect(requestHeadersThrough(headers, { upgrade: "websocket" })).toEqual([["sec-websocket-protocol", "chat"]]);
    expect(requestHeadersThrough(headers)).toEqual([]);
  });

  test.each([
    ["x-internal", ["x-internal"]],
    ["X-Internal , close", ["x-internal"]],
    ["close, x-a,x-b", ["x-a", "x-b"]],
    ["", []],
    [",,", []],
  ])("what Connection: %s names is not", (value, gone) => {
    const sent: [string, string][] = [
      ["Connection", value],
      ["X-Internal", "1"],
      ["X-A", "1"],
      ["X-B", "1"],
    ];
    expect(names(requestHeadersThrough(sent))).toEqual(
      ["x-internal", "x-a", "x-b"].filter((name) => !gone.includes(name)),
    );
  });
});

describe("of an answer", () => {
  test.each([
    "Connection",
    "Transfer-Encoding",
    "Trailer",
    "Proxy-Authenticate",
    "Content-Length",
    "Set-Cookie",
    "Set-Cookie2",
    "Set-Login",
    "Accept-CH",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
    "Timing-Allow-Origin",
    "Clear-Site-Data",
    "Strict-Transport-Security",
    "Alt-Svc",
    "Dure-Bookmark",
    "RateLimit",
    "CF-Ray",
    "X-Request-Id",
  ])("%s does not come back", (name) => {
    expect(answerHeadersThrough([[name, "x"]])).toEqual([]);
  });

  test("others do, without what Connection names", () => {
    const answered: [string, string][] = [
      ["Content-Type", "text/event-stream"],
      ["Retry-After", "7"],
      ["X-Hop", "1"],
      ["Connection", "x-hop"],
      ["WWW-Authenticate", "Bearer"],
    ];
    expect(answerHeadersThrough(answered)).toEqual([
      ["content-type", "text/event-stream"],
      ["retry-after", "7"],
      ["www-authenticate", "Bearer"],
    ]);
  });
});

test.each([
  ["GET", null, true],
  ["HEAD", null, true],
  ["OPTIONS", null, true],
  ["PUT", null, true],
  ["DELETE", null, true],
  ["POST", null, false],
  ["PATCH", null, false],
  ["PROPFIND", null, false],
  ["POST", "order-17", true],
  ["POST", "", false],
])("%s with the idempotency key %s may be sent twice: %s", (method, key, expected) => {
  expect(maySendTwice(method, key)).toBe(expected);
});

test.each([
  [null, null],
  ["websocket", "websocket"],
  ["WebSocket", "websocket"],
  ["h2c", null],
  ["websocket, h2c", null],
])("upgrade %s: %s", (header, expected) => {
  expect(upgradeOf(header)).toBe(expected);
});

test("what HTTP clients of CGI would take for their proxy does not pass, nor what an answer says of the host's pages", () => {
  expect(requestHeadersThrough([["Proxy", "http://evil.example"]])).toEqual([]);
  const ofHost = ["origin-agent-cluster", "permissions-policy", "document-policy", "speculation-rules", "critical-ch"];
  expect(answerHeadersThrough(ofHost.map((name) => [name, "x"]))).toEqual([]);
});
