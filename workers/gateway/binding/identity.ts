import { DureProps } from "../../../contract/binding.ts";
import { errorsOf } from "../../../contract/problem.ts";
import { type Caller, scopesOf } from "../access/auth.ts";
import { Refusal } from "../http/refusal.ts";
import { namespaceNotFound } from "../routes/admin.ts";
import type { Services } from "../services.ts";

/** On whose behalf a call of the binding is made: of a token that is still to be checked, or of a caller known by now. */
export type Identity = { type: "token"; token: string } | { type: "caller"; caller: Caller };

/** What may stand in an `Authorization` header; anything else is no key. */
const TOKEN = /^[\x21-\x7e]{1,512}$/;

/**
 * The call's own key, else what the binding's `props` say. Whoever writes a binding owns the account, so a namespace and
 * scopes there need no key; that they mean something is checked all the same.
 */
export async function identityOf(
  { auth }: Services,
  { key, props }: { key: string | undefined; props: unknown },
  now: number,
): Promise<Identity> {
  if (key !== undefined) return byToken(key, "The call's key");
  const parsed = DureProps.safeParse(props);
  if (!parsed.success) throw noIdentity(props, parsed.error);
  if ("key" in parsed.data) return byToken(parsed.data.key, "The key in the binding's props");
  const { namespace, scopes } = parsed.data;
  if (!(await auth.namespaceExists(namespace, now))) throw namespaceNotFound(namespace);
  // Counted by namespace: nothing else tells two bindings apart. No key's id has a colon.
  return {
    type: "caller",
    caller: { keyId: `binding:${namespace}`, namespace, scopes: scopesOf(scopes), root: false },
  };
}

function byToken(token: string, what: string): Identity {
  if (!TOKEN.test(token)) throw new Refusal("unauthorized", `${what} is not shaped like one.`);
  return { type: "token", token };
}

function noIdentity(props: unknown, error: Parameters<typeof errorsOf>[0]): Refusal {
  if (Object.keys(props ?? {}).length === 0) {
    return new Refusal("unauthorized", "The call has no key, and the binding no props: {key} or {namespace, scopes}.");
  }
  const errors = errorsOf(error, "/props");
  return new Refusal("unauthorized", "The binding's props are neither {key} nor {namespace, scopes}.", { errors });
}
