import { conflict, isProblem, notFound } from "../../../contract/problems.ts";
import { primary } from "../../db/client.ts";
import { beginDeletion } from "../../db/namespace-deletion.ts";
import { accepted } from "../answered.ts";
import { fromDatabase } from "../database.ts";
import { namespaceResource, viewOfRow } from "../namespaces/namespace-config.ts";
import { driveDeletion } from "../namespaces/namespace-deletion.ts";
import type { ResourceKey } from "../resources/kind.ts";
import type { UseCase } from "./use-case.ts";

export const listNamespaces: UseCase<"listNamespaces"> = ({ services }, { query }) =>
  namespaceResource(services).list(services.signer, "", query);

export const putNamespace: UseCase<"putNamespace"> = ({ services, clock }, { params, body, ifMatch }) =>
  namespaceResource(services).put(keyOf(params), body, { ifMatch, now: clock() });

export const getNamespace: UseCase<"getNamespace"> = ({ services }, { params }) =>
  namespaceResource(services).get(keyOf(params));

export const patchNamespace: UseCase<"patchNamespace"> = ({ services, clock }, { params, body, ifMatch }) =>
  namespaceResource(services).patch(keyOf(params), body, { ifMatch, now: clock() });

/** From the answer on its keys work nowhere but in isolates that have just used them, and there for some seconds. */
export const deleteNamespace: UseCase<"deleteNamespace"> = async ({ services, clock, later }, { params: { name } }) => {
  if (name === "default") return conflict.of("namespace-protected", "The namespace default always exists.");
  const row = await fromDatabase(() => beginDeletion(primary(services.database), name, clock()));
  if (isProblem(row)) return row;
  if (row === null) return notFound.namespace(name);
  services.auth.forgetNamespace(name);
  later(driveDeletion(services, name, clock()));
  return accepted(viewOfRow(row));
};

function keyOf({ name }: { name: string }): ResourceKey {
  return { namespace: "", name };
}
