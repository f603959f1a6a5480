import { DureProps } from "../../../../contract/binding.ts";
import { errorsOf } from "../../../../contract/problem.ts";
import { access, isProblem, notFound, type Problem, type Result } from "../../../../contract/problems.ts";
import { scopesOf } from "../../access/auth.ts";
import type { Identity } from "../../api/admission.ts";
import type { Visit } from "../../context.ts";

/** What may be a key; anything else is none. */
const TOKEN = /^[\x21-\x7e]{1,512}$/;

/**
 * The call's own key, else what the binding's `props` say. Whoever writes a binding owns the account, so a namespace and
 * scopes there need no key; that they mean something is checked all the same.
 */
export async function identityOf(
  { services: { auth }, clock }: Visit,
  { key, props }: { key: string | undefined; props: unknown },
): Promise<Result<Identity>> {
  if (key !== undefined) return byToken(key, "The call's key");
  const parsed = DureProps.safeParse(props);
  if (!parsed.success) return noIdentity(props, parsed.error);
  if ("key" in parsed.data) return byToken(parsed.data.key, "The key in the binding's props");
  const { namespace, scopes } = parsed.data;
  const known = await auth.namespace(namespace, clock());
  if (isProblem(known)) return known;
  if (known === null) return notFound.namespace(namespace);
  // Counted by namespace: nothing else tells two bindings apart. No key's id has a colon.
  const caller = { kind: "binding", keyId: `binding:${namespace}`, namespace, scopes: scopesOf(scopes) } as const;
  return {
    type: "caller",
    caller: { ...caller, root: false, expiresAt: null, ancestors: [], rateLimit: known.rateLimit },
  };
}

function byToken(token: string, what: string): Result<Identity> {
  if (!TOKEN.test(token)) return access.unauthorized(`${what} is not shaped like one.`);
  return { type: "token", token, sent: true, address: null };
}

function noIdentity(props: unknown, error: Parameters<typeof errorsOf>[0]): Problem {
  if (Object.keys(props ?? {}).length === 0) {
    return access.unauthorized("The call has no key, and the binding no props: {key} or {namespace, scopes}.");
  }
  const errors = errorsOf(error, "/props");
  return access.unauthorized("The binding's props are neither {key} nor {namespace, scopes}.", { errors });
}
