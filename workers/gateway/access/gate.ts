import type { MiddlewareHandler } from "hono";
import { Name } from "../../../contract/primitives.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { Refusal } from "../http/refusal.ts";
import { namespaceNotFound } from "../routes/admin.ts";
import { bearerToken, type Caller } from "./auth.ts";
import { rateHeaders } from "./rate-limit.ts";
import { trustedCaller } from "./trusted-caller.ts";

/** Lets a request through to the API: who is it, is there budget left, and in which namespace does it act? */
export const gate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const caller = await authenticate(c);
  await spend(c, caller);
  c.set("caller", await inNamespace(c, caller));
  await next();
};

async function authenticate(c: AppContext): Promise<Caller> {
  const trusted = trustedCaller(c.req.raw);
  if (trusted !== null) return trusted;
  const header = c.req.header("authorization");
  const token = bearerToken(header);
  const caller = token === null ? null : await c.var.services.auth.identify(token, Date.now());
  if (caller !== null) return caller;
  if (header !== undefined) await countBadKey(c);
  throw new Refusal("unauthorized", "Send a working key as: Authorization: Bearer dure_<keyId>_<secret>", {
    headers: {
      "www-authenticate": header === undefined ? 'Bearer realm="dure"' : 'Bearer realm="dure", error="invalid_token"',
    },
  });
}

/** Guessing keys is cut short by address. */
async function countBadKey(c: AppContext): Promise<void> {
  const key = c.req.header("cf-connecting-ip") ?? "local";
  const { success } = await c.env.BAD_KEY_LIMIT.limit({ key });
  if (!success) throw new Refusal("rate-limited", "Too many bad keys from this address.", { retryAfter: 60 });
}

/** Takes one request off the key's budget. `RATE_LIMIT` "0" is no limit. */
async function spend(c: AppContext, caller: Caller): Promise<void> {
  const budget = Number(c.env.RATE_LIMIT);
  if (budget === 0) return;
  const verdict = c.var.services.rates.take(caller.keyId, budget, Date.now());
  for (const [name, value] of rateHeaders(budget, verdict)) c.header(name, value);
  const shared = !verdict.allowed || !verdict.askShared || (await c.env.KEY_LIMIT.limit({ key: caller.keyId })).success;
  if (verdict.allowed && shared) return;
  throw new Refusal("rate-limited", `A key may make ${budget} requests in 10 seconds.`, {
    retryAfter: verdict.resetSeconds,
  });
}

/** The root key acts in the namespace that the header names; no other key may name one. */
async function inNamespace(c: AppContext, caller: Caller): Promise<Caller> {
  const namespace = c.req.header("dure-namespace");
  if (namespace === undefined) return caller;
  if (!caller.root) throw new Refusal("forbidden", "Only the root key may name a namespace.");
  const known = Name.safeParse(namespace).success && (await c.var.services.auth.namespaceExists(namespace, Date.now()));
  if (!known) throw namespaceNotFound(namespace);
  return { ...caller, namespace };
}
