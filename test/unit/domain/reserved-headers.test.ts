import { describe, expect, test } from "vitest";
import { QueueBody } from "../../../contract/queue.ts";
import { SubscriptionBody } from "../../../contract/subscription.ts";
import { isReservedHeader, withoutReserved } from "../../../domain/reserved-headers.ts";

const RESERVED = {
  "hop by hop": [
    ..."connection keep-alive te trailer transfer-encoding upgrade http2-settings".split(" "),
    ..."proxy-authenticate proxy-authorization proxy-authentication-info proxy-connection".split(" "),
  ],
  framing: "host content-length content-type content-encoding expect".split(" "),
  forwarding: [
    ..."forwarded via x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port".split(" "),
    ..."x-forwarded-prefix x-real-ip x-client-ip x-cluster-client-ip true-client-ip".split(" "),
  ],
  "Cloudflare's": [
    ..."cf-connecting-ip cf-connecting-ipv6 cf-ipcountry cf-ray cf-visitor cf-worker cf-ew-via".split(" "),
    ..."cf-access-jwt-assertion cf-access-client-id cdn-loop forwarded-for fastly-client-ip x-envoy-original-path x-amz-cf-id".split(
      " ",
    ),
  ],
  "Dure's own": [
    ..."dure-job-id dure-lease dure-anything webhook-id webhook-signature webhook-timestamp".split(" "),
    ..."idempotency-key traceparent tracestate".split(" "),
  ],
};

describe.each(Object.entries(RESERVED))("headers that are %s", (_, names) => {
  test.each(names)("%s cannot be set by a queue's target, nor by a subscription's, and the place is named", (name) => {
    for (const spelling of [name, name.toUpperCase()]) {
      const target = { type: "http", url: "https://example.com/", headers: { [spelling]: "x" } };
      const [queue, subscription] = [
        QueueBody.safeParse({ target }),
        SubscriptionBody.safeParse({ events: ["job.failed"], target }),
      ];
      for (const { error } of [queue, subscription]) {
        expect(error?.issues).toMatchObject([{ path: ["target", "headers"], message: `may not set ${spelling}` }]);
      }
    }
  });

  test("are left out of stored ones", () => {
    const stored = Object.fromEntries(names.map((name) => [name.toUpperCase(), "x"]));
    expect(withoutReserved({ ...stored, "X-Token": "t" })).toEqual({ "X-Token": "t" });
  });
});

test.each(
  "authorization cookie user-agent accept x-token x-api-key x-request-id x-forward x-via content-language origin".split(
    " ",
  ),
)("%s can be set", (name) => {
  expect(isReservedHeader(name)).toBe(false);
  const target = { type: "http", url: "https://example.com/", headers: { [name]: "x" } };
  expect(QueueBody.safeParse({ target }).success).toBe(true);
});
