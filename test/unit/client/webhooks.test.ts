import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { verifyWebhook, WebhookVerificationError } from "../../../client/src/webhooks.ts";
import { signWebhook } from "../../../workers/processor/executors/webhook.ts";

const NOW = Date.UTC(2026, 10, 29, 12);
const SECRET = `whsec_${Buffer.from("a secret of 24 bytes ...").toString("base64")}`;
const OTHER = `whsec_${Buffer.from("another one, 24 bytes ..").toString("base64")}`;
const BODY = JSON.stringify({ id: "evt_1", type: "job.succeeded", job: { tags: ["두레"] } });

/** Headers as Dure signs a request of this body. */
function signed(secrets: string[] = [SECRET], body = BODY): Headers {
  const headers = new Headers();
  signWebhook(headers, { id: "evt_1", body }, { secrets, now: NOW });
  return headers;
}

const request = (headers: Headers, body: BodyInit = BODY) =>
  new Request("https://example.com/hook", { method: "POST", headers, body });
const refusal = (headers: Headers, body: BodyInit = BODY, now = NOW) =>
  verifyWebhook(request(headers, body), SECRET, { now }).then(
    () => "taken",
    (error: unknown) => {
      expect(error).toBeInstanceOf(WebhookVerificationError);
      return String(error).replace("WebhookVerificationError: ", "");
    },
  );

describe("a request that Dure has signed", () => {
  test("is taken, and its body given", async () => {
    const event = await verifyWebhook(request(signed()), SECRET, { now: NOW });
    expect(event).toEqual(JSON.parse(BODY));
    expect(event.job.tags).toEqual(["두레"]);
  });

  test("is taken from Node's own form, as text and as bytes", async () => {
    const headers = Object.fromEntries(signed());
    for (const body of [BODY, new TextEncoder().encode(BODY)])
      expect(await verifyWebhook({ headers, body }, SECRET, { now: NOW })).toEqual(JSON.parse(BODY));
  });

  test.each<[string, (name: string) => string, (value: string) => string | string[]]>([
    ["names in capitals", (name) => name.toUpperCase(), (value) => value],
    ["names as they are read", (name) => name.replace(/^w/, "W"), (value) => value],
    ["lists of values", (name) => name, (value) => [value]],
  ])("is taken from a plain object with %s", async (_, name, value) => {
    const headers = Object.fromEntries([...signed()].map(([key, text]) => [name(key), value(text)]));
    expect(await verifyWebhook({ headers, body: BODY }, SECRET, { now: NOW })).toEqual(JSON.parse(BODY));
  });

  test("is taken while a secret is replaced: signed with both, or known with both", async () => {
    expect(await verifyWebhook(request(signed([OTHER, SECRET])), SECRET, { now: NOW })).toBeTruthy();
    expect(await verifyWebhook(request(signed([SECRET])), [OTHER, SECRET], { now: NOW })).toBeTruthy();
  });

  test("is what any other library of Standard Webhooks makes", async () => {
    const headers = new Headers({
      "webhook-id": "msg_1",
      "webhook-timestamp": String(NOW / 1000),
      "webhook-signature": new Webhook(SECRET).sign("msg_1", new Date(NOW), BODY),
    });
    expect(await verifyWebhook(request(headers), SECRET, { now: NOW })).toEqual(JSON.parse(BODY));
  });

  test.each([-300, 300])("is taken %d s from its time", async (seconds) => {
    expect(await refusal(signed(), BODY, NOW + seconds * 1000)).toBe("taken");
  });
});

describe("a request is refused", () => {
  test("whose body was changed", async () => {
    expect(await refusal(signed(), BODY.replace("succeeded", "failed"))).toBe(
      "no signature of the request fits the secret",
    );
  });

  test.each(["webhook-id", "webhook-timestamp"])("whose %s was changed", async (name) => {
    const headers = signed();
    headers.set(name, name === "webhook-id" ? "evt_2" : String(NOW / 1000 - 1));
    expect(await refusal(headers)).toBe("no signature of the request fits the secret");
  });

  test.each([
    ["another secret", signed([OTHER]).get("webhook-signature") ?? ""],
    ["no version that is known", (signed().get("webhook-signature") ?? "").replace("v1,", "v1a,")],
    ["a part of the signature", (signed().get("webhook-signature") ?? "").slice(0, -8)],
    ["what is not base64", "v1,%%%"],
    ["nothing", "v1,"],
  ])("signed with %s", async (_, signature) => {
    const headers = signed();
    headers.set("webhook-signature", signature);
    expect(await refusal(headers)).toBe("no signature of the request fits the secret");
  });

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("without %s", async (name) => {
    const headers = signed();
    headers.delete(name);
    expect(await refusal(headers)).toBe(`the request has no header ${name}`);
  });

  test.each([
    [301, "the request was sent 301 s ago: more than 300 s"],
    [-301, "the request was sent 301 s from now: more than 300 s"],
  ])("%d s from its time", async (seconds, sentence) => {
    expect(await refusal(signed(), BODY, NOW + seconds * 1000)).toBe(sentence);
  });

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("with more than one %s", async (name) => {
    const headers = { ...Object.fromEntries(signed()), [name.toUpperCase()]: "1" };
    const refused = verifyWebhook({ headers, body: BODY }, SECRET, { now: NOW });
    await expect(refused).rejects.toThrow(new WebhookVerificationError(`the request has more than one header ${name}`));
  });

  test("whose body is no JSON, though it is rightly signed", async () => {
    expect(await refusal(signed([SECRET], "no JSON"), "no JSON")).toBe(
      "the request is rightly signed, but its body is no JSON",
    );
  });

  test("whose time is none", async () => {
    const headers = signed();
    headers.set("webhook-timestamp", "NaN");
    expect(await refusal(headers)).toBe("webhook-timestamp is no time");
  });
});

test.each(["", "whsec_", "whsec_%%%"])("a secret that is none (%s) is the caller's fault", async (secret) => {
  await expect(verifyWebhook(request(signed()), secret, { now: NOW })).rejects.toThrow(TypeError);
});

/** As a caller without types has it. */
const untyped: (request: unknown, secret: unknown) => Promise<unknown> = (sent, secret) =>
  Reflect.apply(verifyWebhook, null, [sent, secret, { now: NOW }]);
const node = (body: unknown) => ({ headers: Object.fromEntries(signed()), body });

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a number", 5],
  ["a list of none", []],
  ["a list with nothing in it", [SECRET, undefined]],
])("a secret that is %s is told to be the caller's fault", async (_, secret) => {
  const refused = untyped(node(BODY), secret);
  await expect(refused).rejects.toThrow(/^no webhook secret was given: it is a text that begins with whsec_/);
  await expect(refused).rejects.toBeInstanceOf(TypeError);
});

test.each<[string, unknown]>([
  ["what a parser made of it", JSON.parse(BODY)],
  ["nothing", undefined],
  ["null", null],
])("a body that is %s is told to be the caller's fault", async (_, body) => {
  const refused = untyped(node(body), SECRET);
  await expect(refused).rejects.toThrow(/^the body to verify is a text or bytes as they were received/);
  await expect(refused).rejects.toBeInstanceOf(TypeError);
});

test("a request without headers, and one that was read before, are the caller's fault", async () => {
  await expect(untyped({ body: BODY }, SECRET)).rejects.toThrow(new TypeError("the request to verify has no headers"));
  const read = request(signed());
  await read.text();
  await expect(untyped(read, SECRET)).rejects.toThrow("the request's body was read before it could be verified");
});
